import type { Actor } from './runs.ts';

/**
 * Cutover: a set of staging tables becomes the live set, in one transaction that changes only the catalog.
 *
 * Glossary
 * - live: the names the applications use, and the tables that have them now.
 * - incoming: the tables that are to have them: staging in a cutover, a backup in a rollback.
 * - displaced: where the former live tables are moved: a backup schema in a cutover, the staging names in a rollback.
 * - stamp: the name of one exchange, a time of PostgreSQL's clock: 2026_01_31_09_30_00_123.
 * - step: one SQL statement, in a phase. prepare: before the transaction, for as long as it takes. staged: in the transaction, touching
 *   incoming tables only. lock and swap: the exchange itself. after: what needs the tables in their new place.
 */

/** A relation by name. Names are data: they reach SQL only after the catalog knew them, and quoted. */
export interface RelationName {
  readonly schema: string;
  readonly name: string;
}

export interface TablePair {
  readonly incoming: RelationName;
  readonly live: RelationName;
  /** Refused with fewer rows than this. Default 1 where the live table has any. */
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
  readonly incoming: RelationName;
  readonly live: RelationName;
  readonly displaced: RelationName;
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
  /** Every table that is locked, incoming ones too. */
  readonly locks: readonly RelationName[];
  readonly differences: readonly PlannedDifference[];
  /** The exact SQL, phase by phase. */
  readonly sql: string;
}

export interface SwapTiming {
  /** Milliseconds spent to get all locks, on the attempt that got them. */
  readonly lockWaitMs: number;
  /** Milliseconds from holding all locks to the commit's answer. */
  readonly lockedMs: number;
  readonly attempts: number;
}

export interface RowCounts {
  readonly table: string;
  readonly incoming: number;
  readonly live: number;
}

export interface Conflict {
  readonly table: string;
  readonly key: string;
  readonly detail: string;
}

export const cutoverStatuses = [
  /** A process carries it out: it checks, prepares, swaps. */
  'preparing',
  /** Everything slow is done; it waits for `go`. */
  'held',
  /** The tables have changed places. Of a cutover: its backup can be restored. */
  'done',
  /** The checks did not allow it, and nothing was prepared. */
  'refused',
  /** Something went wrong before the swap; the live tables are as they were. */
  'failed',
  /** Its process was lost before the swap; it waits for `go` or `abandon`. Derived, never stored. */
  'interrupted',
  'abandoned',
  /** Of a cutover: its backup was put back. */
  'restored',
  /** Of a cutover: its backup was deleted. */
  'dropped',
] as const;
export type CutoverStatus = (typeof cutoverStatuses)[number];

export const cutoverActions = ['go', 'abandon', 'rollback', 'drop-backup'] as const;
export type CutoverAction = (typeof cutoverActions)[number];

export interface CutoverProgress {
  readonly phase: 'check' | 'prepare' | 'carry' | 'swap' | 'after';
  /** Steps of the phase; of `carry`, changes. */
  readonly done: number;
  readonly total: number;
  /** What it is at: `index public.users users_email_key: built on the incoming table`. */
  readonly step: string;
}

export interface CutoverResult {
  readonly stamp: string;
  readonly kind: 'cutover' | 'rollback';
  readonly dryRun: boolean;
  readonly status: CutoverStatus;
  readonly plan: CutoverPlan;
  readonly counts: readonly RowCounts[];
  readonly timing: SwapTiming | null;
  /** What differs between the catalog before and after and was not planned, and steps after it that failed. */
  readonly unplanned: readonly string[];
  /** Of a rollback: changes carried back, and those that met something else in the restored table. */
  readonly carried: number;
  readonly conflicts: readonly Conflict[];
}

/** The most conflicts in a view; the others are in pages. */
export const maxConflictsInView = 100;

/** An exchange as lists show it: with how many conflicts there are, which may be as many as rows were written. */
export interface CutoverEntry {
  readonly stamp: string;
  readonly plan: string;
  readonly kind: 'cutover' | 'rollback';
  readonly status: CutoverStatus;
  /** Of a rollback: the stamp it went back to. */
  readonly ofStamp: string | null;
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
  readonly progress: CutoverProgress | null;
  /** Why it was refused or failed, or what it still lacks. */
  readonly problems: readonly string[];
  readonly counts: readonly RowCounts[];
  readonly timing: SwapTiming | null;
  readonly unplanned: readonly string[];
  readonly carried: number;
  readonly conflictCount: number;
  readonly nextActions: readonly CutoverAction[];
}

/** An exchange as the API and `--json` show it by itself. */
export interface CutoverView extends CutoverEntry {
  /** The first conflicts; `conflictCount` is their total number. */
  readonly conflicts: readonly Conflict[];
}

/** What a cutover or a way back would do. */
export interface CutoverForecast {
  readonly dryRun: true;
  readonly kind: 'cutover' | 'rollback';
  readonly plan: CutoverPlan;
  /** Of a rollback: changes written since that would be carried back. */
  readonly carried: number;
}

/** Which tables of a plan change places, and how careful that is. What is not said is the plan's own, or a default. */
export interface StartCutover {
  readonly plan: string;
  /** Where runs have loaded (their `targetSchema`). Default: the plan's schema with `_staging`. */
  readonly stagingSchema?: string | undefined;
  /** Where the live tables are. Default: the plan's schema. */
  readonly liveSchema?: string | undefined;
  /** Tables of the plan; default all. `live`: where the live one is, when it has another name or schema. */
  readonly tables?: readonly { readonly table: string; readonly live?: RelationName | undefined }[] | undefined;
  /** Rows a table has at least, by table of the plan. Default 1 where the live one has any. */
  readonly minimums?: Readonly<Record<string, number>> | undefined;
  /** Default 50. */
  readonly maxShrinkPercent?: number | undefined;
}

/** What operators can do about cutovers. Every method throws DroverError; CUTOVER_REFUSED carries all its reasons. */
export interface CutoverControl {
  /** What it would do, with the SQL. Changes nothing; the reasons against it are in `plan.problems`. */
  plan(input: StartCutover): Promise<CutoverForecast>;
  /** Answers once it is allowed and under way, or has ended; it goes on by itself. */
  start(input: StartCutover & { readonly hold: boolean }, reason: string, actor: Actor): Promise<CutoverView>;
  /** The newest first. */
  list(): Promise<readonly CutoverEntry[]>;
  find(stamp: string): Promise<CutoverView>;
  /** A page of the conflicts of a rollback in the order of their detection; `from` is the number of conflicts before it. */
  conflicts(stamp: string, from: number, limit: number): Promise<readonly Conflict[]>;
  resume(stamp: string, reason: string, actor: Actor): Promise<CutoverView>;
  abandon(stamp: string, reason: string, actor: Actor): Promise<CutoverView>;
  planRollback(stamp: string): Promise<CutoverForecast>;
  rollback(stamp: string, reason: string, actor: Actor): Promise<CutoverView>;
  dropBackup(stamp: string, reason: string, actor: Actor): Promise<CutoverView>;
  /** Ends what a lost process left to be done after its swap; answers the exchanges that wait for a person. */
  recover(): Promise<readonly CutoverEntry[]>;
}
