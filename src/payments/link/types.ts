/**
 * The link of a live bookings table with its users.
 *
 * Glossary
 * - frontier: the highest key of the table when the trigger stood. Rows behind it are linked by the trigger, so filling ends there
 *   however fast others write.
 * - hold: a reason for which no batch is begun, with the value measured and its limit.
 */

export const linkStates = ['filling', 'indexing', 'validating', 'done', 'paused'] as const;
export type LinkState = (typeof linkStates)[number];

/** The table and its columns, as the application names them. */
export interface BookingsTable {
  readonly schema: string;
  readonly name: string;
  readonly key: string;
  readonly keyType: string;
  readonly contact: string;
  /** `jsonb`, `json` or a text type. */
  readonly contactType: string;
  readonly createdAt: string;
}

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
  /** Rows of the table that have a user now, whoever linked them. */
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
