/**
 * Cutover: a set of staging tables becomes the live set, in one transaction that changes only the catalog.
 *
 * Glossary
 * - live: the names the applications use, and the tables that stand there now.
 * - incoming: the tables that are to stand there: staging in a cutover, a backup in a rollback.
 * - displaced: where the tables that stood there are put: a backup schema in a cutover, the staging names in a rollback.
 * - stamp: the name of one exchange, a time of PostgreSQL's clock: 2026_01_31_09_30_00_123.
 * - step: one SQL statement, in a phase. prepare: as slow as it likes, before. staged: in the transaction, touching
 *   incoming tables only. lock and swap: the moment itself. after: what needs the tables in their new place.
 */

/** A relation by name. Names are data: they reach SQL only after the catalog knew them, and quoted. */
export interface Name {
  readonly schema: string;
  readonly name: string;
}

export interface TablePair {
  readonly incoming: Name;
  readonly live: Name;
  /** Refused with fewer rows than this. Default 1. */
  readonly minimum?: number | undefined;
}

export interface CutoverSpec {
  /** What the set is called in lists: the plan. */
  readonly name: string;
  readonly tables: readonly TablePair[];
  /** Refused when a table would have fewer than (100 - this) percent of its live rows. Default 50. */
  readonly maxShrinkPercent?: number | undefined;
  /** Tables beside the set whose names end so are staging too: keys that point at them are not taken along. */
  readonly stagingSuffix?: string | undefined;
}

export type Phase = 'prepare' | 'staged' | 'lock' | 'swap' | 'after';

export interface Step {
  readonly phase: Phase;
  /** What it is about: `index public.users users_email_key`. */
  readonly object: string;
  /** What is done with it, for a person. */
  readonly action: string;
  readonly sql: string;
}

/** An object of the catalog and what will become of it. Every object the set touches is one item. */
export interface PlanItem {
  readonly kind: string;
  readonly object: string;
  readonly action: string;
}

/** A difference between the catalog before and after that is intended: every entry whose key starts so. */
export interface PlannedDifference {
  readonly key: string;
  readonly why: string;
}

export interface Exchange {
  readonly incoming: Name;
  readonly live: Name;
  readonly displaced: Name;
}

export interface CutoverPlan {
  readonly name: string;
  readonly stamp: string;
  readonly tables: readonly Exchange[];
  /** Why it cannot be done. Empty: it can. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  readonly items: readonly PlanItem[];
  readonly steps: readonly Step[];
  readonly differences: readonly PlannedDifference[];
  /** The exact SQL, phase by phase. */
  readonly sql: string;
}

export interface Timing {
  /** Milliseconds spent to get all locks, on the attempt that got them. */
  readonly lockWaitMs: number;
  /** Milliseconds from holding all locks to the commit's answer. */
  readonly lockedMs: number;
  readonly attempts: number;
}

export interface Counted {
  readonly table: string;
  readonly incoming: number;
  readonly live: number;
}

export interface Conflict {
  readonly table: string;
  readonly key: string;
  readonly detail: string;
}

export type CutoverStatus = 'preparing' | 'held' | 'done' | 'failed' | 'abandoned' | 'restored' | 'dropped';

export interface CutoverResult {
  readonly stamp: string;
  readonly kind: 'cutover' | 'rollback';
  readonly dryRun: boolean;
  readonly status: CutoverStatus;
  readonly plan: CutoverPlan;
  readonly counts: readonly Counted[];
  readonly timing: Timing | null;
  /** What differs between the catalog before and after and was not planned, and steps after it that failed. */
  readonly unplanned: readonly string[];
  /** Of a rollback: changes carried back, and those that met something else in the restored table. */
  readonly carried: number;
  readonly conflicts: readonly Conflict[];
}

export interface BackupView {
  readonly stamp: string;
  readonly name: string;
  readonly kind: 'cutover' | 'rollback';
  readonly status: CutoverStatus;
  readonly tables: readonly Exchange[];
  readonly reason: string;
  readonly actor: string;
  readonly createdAt: string;
  readonly swappedAt: string | null;
  /** By PostgreSQL's clock. */
  readonly ageSeconds: number;
  /** Bytes of the tables the backup holds; 0 when it holds none any more. */
  readonly bytes: number;
  readonly restorable: boolean;
}
