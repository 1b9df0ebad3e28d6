/** Views of the bookings after their migration, shared by API, command line and engine. */

export const linkStates = ['filling', 'indexing', 'validating', 'done', 'paused'] as const;
export type LinkState = (typeof linkStates)[number];

/** A trigger of the owner that would fire when `user_id` is written. */
export interface OwnersTrigger {
  readonly name: string;
  readonly definition: string;
}

/** What a start would do. */
export interface LinkPlan {
  readonly table: string;
  readonly estimatedRows: number;
  readonly triggers: readonly OwnersTrigger[];
  /** In their order. */
  readonly statements: readonly string[];
  /** Why it is refused; empty when it is not. */
  readonly problems: readonly string[];
}

export interface Hold {
  readonly reason: string;
  readonly value: number;
  readonly limit: number;
}

export interface LinkView {
  readonly targetSchema: string;
  readonly table: string;
  readonly state: LinkState;
  /** Where it goes on when it is resumed. */
  readonly pausedIn: LinkState | null;
  /** Rows of the table that have a user now, including those linked by other means. */
  readonly linked: number;
  /** Rows that filling has passed. */
  readonly passed: number;
  /** By the planner's statistics: an estimate. */
  readonly estimatedRows: number;
  readonly batchSize: number;
  readonly hold: Hold | null;
  readonly lastError: string | null;
  readonly startedAt: string;
  readonly updatedAt: string;
  readonly finishedAt: string | null;
}

/** A figure of a user's statistics that is not what the rows add up to. */
export interface StatisticsDifference {
  readonly userId: string;
  /** Empty for bookings. */
  readonly currency: string;
  readonly figure: 'bookings' | 'spent' | 'first_booking_at' | 'last_booking_at';
  readonly kept: string | null;
  readonly recomputed: string | null;
}

export interface StatisticsCheck {
  readonly targetSchema: string;
  readonly users: number;
  /** At most a thousand. */
  readonly differences: readonly StatisticsDifference[];
}
