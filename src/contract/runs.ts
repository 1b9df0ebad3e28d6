import type { FailureVariant } from './failure-variants.ts';
import type { FailureStatus, RecordStatus, Stage } from './record-status.ts';
import type { RunAction, RunStatus } from './run-status.ts';

/**
 * Runs as operators start and see them, by HTTP or the command line.
 */

/** Records per job: a number, or `auto`: adjusted during the run to the time that jobs take. */
export type BatchSize = number | 'auto';

export type Strategy = 'full' | 'incremental' | 'selective';

/** The caller. `role` is what the key or session allows. */
export interface Actor {
  readonly id: string;
  readonly role: Role;
}

export const roles = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

export interface StartRun {
  readonly plan: string;
  readonly strategy?: Strategy | undefined;
  readonly dryRun?: boolean | undefined;
  /** Records of each entity to try in a schema of their own; the target stays untouched. */
  readonly trial?: number | undefined;
  /** Source ids; implies the selective strategy. */
  readonly ids?: readonly string[] | undefined;
  /** ISO 8601 instants. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly skipExisting?: boolean | undefined;
  /** Records per job, 1 to 500, or `auto`. */
  readonly batchSize?: BatchSize | undefined;
  /** Entities or steps of the plan; all when absent. */
  readonly only?: readonly string[] | undefined;
  /** Extract and stop: nothing is transformed or loaded. */
  readonly exportOnly?: boolean | undefined;
  readonly targetSchema?: string | undefined;
  /** Stop when more than this share of the settled records was rejected or failed. Default 50. */
  readonly maxFailurePercent?: number | undefined;
  /** The plan's own parameters. */
  readonly params?: Record<string, unknown> | undefined;
}

export interface EntityCounts {
  readonly extracted: number;
  readonly reconciled: number;
  readonly skipped: number;
  readonly rejected: number;
  readonly failed: number;
  readonly blocked: number;
  readonly mismatched: number;
  readonly pending: number;
}

export interface EntityProgress extends EntityCounts {
  /** The number of records that the source reports; null when it reports none. */
  readonly sourceTotal: number | null;
  /** Records the source gave more than once. */
  readonly repeated: number;
  readonly extraction: 'reading' | 'done' | 'failed';
  /** Pending records by the stage they wait for. */
  readonly waiting: Readonly<Record<Stage, number>>;
}

export interface SumLine {
  readonly entity: string;
  readonly currency: string;
  readonly status: string;
  /** Minor units, as decimal strings. `source` is what was extracted, `target` what the target holds of it. */
  readonly source: string;
  readonly target: string;
  /** The part of `source` that was skipped, rejected, failed or blocked, or is pending. source = target + unloaded. */
  readonly unloaded: string;
}

/** Something that keeps a run from moving, or from moving faster. */
export interface Blocker {
  /** QUEUE_PAUSED, NO_WORKER, UPSTREAM_THROTTLED, BREAKER_OPEN, WAITING_FOR_PARENTS, CANNOT_FINISH, PAUSED, STOPPED. */
  readonly code: string;
  readonly what: string;
  readonly clears: string;
  /** When it ends by itself, where that is known. */
  readonly until: string | null;
}

/** A run as the API and `--json` show it. */
export interface RunView {
  readonly id: string;
  readonly plan: string;
  readonly version: string;
  readonly strategy: Strategy;
  readonly dryRun: boolean;
  /** It only reads: nothing is transformed or loaded. */
  readonly exportOnly: boolean;
  readonly status: RunStatus;
  readonly reason: string | null;
  readonly targetSchema: string;
  readonly batchSize: BatchSize;
  /** Records a job of each stage carries now. */
  readonly batchSizes: Readonly<Record<Stage, number>>;
  readonly createdBy: string;
  readonly createdAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly rolledBackAt: string | null;
  /** The rollback of a run that wrote to an API; null while none was requested, and for other runs. */
  readonly rollback: Pick<RollbackView, 'status' | 'done' | 'total' | 'error'> | null;
  /** YYYYMMDD_HHMMSS of its start; in the names of its reports. */
  readonly stamp: string;
  readonly progress: { readonly percent: number; readonly perSecond: number; readonly etaSeconds: number | null };
  readonly entities: Readonly<Record<string, EntityProgress>>;
  /** Invariant I1 for every entity, and every extraction read as many records as its source reports. */
  readonly balanced: boolean;
  readonly sums: readonly SumLine[];
  /** What a trial predicts; null of a run that is none. */
  readonly trial: TrialView | null;
  /**
   * Of a trial or a dry run: entities that are made of rows in the target. A trial has only its own few rows there, a dry run
   * those of earlier runs.
   */
  readonly derived: readonly string[];
  /** Why it is slow or does not move; empty when nothing blocks it. */
  readonly holdups: readonly Blocker[];
  readonly nextActions: readonly RunAction[];
}

export interface FailureGroup {
  /** Stable name of the group: the hash of entity, stage, status, code and field. */
  readonly group: string;
  readonly entity: string;
  readonly stage: Stage;
  readonly status: FailureStatus;
  readonly code: string;
  readonly field: string | null;
  readonly count: number;
  /** The message of its records; where they have several, each with its count. */
  readonly message: string;
  /** The five most frequent messages of its records. */
  readonly variants?: readonly FailureVariant[] | undefined;
  readonly remedy: string;
  readonly severity: string;
  readonly examples: readonly string[];
  /** What the records are worth, in minor units; none where they carry no money. */
  readonly sums?: readonly { readonly currency: string; readonly minor: string }[] | undefined;
}

export interface RecordView {
  readonly id: string;
  readonly runId: string;
  readonly entity: string;
  readonly sourceId: string;
  readonly stage: Stage;
  readonly status: RecordStatus;
  readonly code: string | null;
  readonly field: string | null;
  readonly message: string | null;
  readonly targetId: string | null;
  readonly blockedBy: string | null;
  readonly mergedInto: string | null;
  readonly attempts: number;
  readonly updatedAt: string;
}

export interface TryView {
  readonly stage: Stage;
  readonly status: string;
  readonly code: string;
  readonly field: string | null;
  readonly message: string;
  readonly worker: string;
  readonly at: string;
}

export interface ValidationCheck {
  readonly name: string;
  readonly entity: string | null;
  readonly severity: 'error' | 'warning';
  readonly ok: boolean;
  readonly description: string;
  /** Number of rows checked, and of rows that break the rule. */
  readonly checked: number;
  readonly violations: number;
  /** Every row that breaks it. */
  readonly rows: readonly { readonly sourceId: string; readonly targetId: string | null; readonly detail: string }[];
}

export interface ValidationView {
  readonly runId: string;
  readonly at: string;
  /** The newest change of the target at the time of the validation; a later one makes it stale. */
  readonly dataVersion: string;
  readonly stale: boolean;
  readonly status: 'green' | 'red';
  readonly checks: readonly ValidationCheck[];
}

export interface ReportEntry {
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: number;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

export interface RecordFilter {
  readonly status?: RecordStatus | undefined;
  readonly entity?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

export type BatchTuning = Partial<Readonly<Record<Stage, Tuning>>>;
/** What is known of one stage of a run: the size that holds now and how well it fills the target time. */
export interface Tuning {
  readonly size: number;
  /** Target time over job time, as a moving average: above 1 jobs end early, below 1 they take too long. */
  readonly efficiency: number;
  /** Jobs reported since the size was last changed. */
  readonly jobs: number;
}

/** What a rollback has done, or is about to do. */
export interface RollbackView {
  readonly runId: string;
  readonly dryRun: boolean;
  /** working: it continues in the service. interrupted: its process ended; requested again, it continues. */
  readonly status: 'working' | 'interrupted' | 'done' | 'failed';
  /** Items processed, of those there are to undo. */
  readonly done: number;
  readonly total: number;
  readonly removed: number;
  readonly restored: number;
  /** Rows and objects that were not undone, each with the cause in `detail`. */
  readonly conflicts: readonly { readonly entity: string; readonly targetId: string; readonly detail: string }[];
  /** Why it failed. */
  readonly error: string | null;
}

/** What share of an entity's records a real run will probably reject, with a 95 % interval. */
export interface Forecast {
  readonly judged: number;
  readonly unjudged: number;
  readonly rejectRate: number;
  readonly low: number;
  readonly high: number;
}

export interface TrialView {
  /** Number of records of each entity that were requested. */
  readonly n: number;
  readonly perEntity: Readonly<Record<string, Forecast>>;
}
