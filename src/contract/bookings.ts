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

/** Why a booking has no user. `not_linked`: its address is usable; filling has not come to it, or linking it failed. */
export const unlinkedReasons = ['no_contact', 'no_address', 'bad_address', 'not_linked'] as const;
export type UnlinkedReason = (typeof unlinkedReasons)[number];

/** How far bookings, users and payments of a schema are. */
export interface BookingsProgress {
  readonly targetSchema: string;
  /** Null when the bookings are in another database: then their figures are null too. */
  readonly table: string | null;
  readonly bookings: number | null;
  readonly linked: number | null;
  /** By reason; null before a link was started, when reasons are not known. */
  readonly unlinked: Readonly<Record<UnlinkedReason, number>> | null;
  /** Without those that were merged into another. */
  readonly users: number;
  readonly mergedUsers: number;
  readonly payments: number;
  readonly paymentsByStatus: Readonly<Record<string, number>>;
  /** Names of the figures above that are estimates of the planner; all others are exact. */
  readonly estimates: readonly string[];
}

export const anomalyRules = [
  'unlinked_booking',
  'webhook_failed',
  'statistics_drift',
  'beyond_payment',
  'amount_differs',
  'stale_link',
] as const;
export type AnomalyRule = (typeof anomalyRules)[number];

/** Something that should not be; named by ids, without personal data. */
export interface Anomaly {
  readonly rule: AnomalyRule;
  /** `booking:17`, `webhook:stripe/evt_1`, `user:…`, `payment:…`, `schema:app`. */
  readonly subject: string;
  readonly details: Readonly<Record<string, string | null>>;
  readonly remedy: string;
}

/** A copy of a table before the link. */
export interface BackupTable {
  readonly table: string;
  readonly backup: string;
  /** By the planner's statistics: an estimate. */
  readonly estimatedRows: number;
  /** What the table takes now without its indexes; the copy takes at most as much. */
  readonly estimatedBytes: number;
  /** There is a table of the backup's name already: it is left. */
  readonly exists: boolean;
  /** Rows that were copied; null when none were. */
  readonly rows: number | null;
}

export interface BookingsBackup {
  readonly dryRun: boolean;
  readonly tables: readonly BackupTable[];
}

export interface CleanupIndex {
  readonly table: string;
  readonly column: string;
  /** Before the request. */
  readonly state: 'present' | 'missing' | 'invalid';
  readonly statements: readonly string[];
}

export interface BookingsCleanup {
  readonly dryRun: boolean;
  readonly indexes: readonly CleanupIndex[];
  /** Ids of users with one address, the oldest first; at most a thousand groups. They are merged one by one, by operators. */
  readonly duplicates: readonly (readonly string[])[];
}
