import type { BatchSize } from '../batch-size.ts';
import type { Journey } from '../journeys/contract.ts';
import type { MendedView, MendingView } from '../mending/contract.ts';
import type { Strategy } from '../ports.ts';
import type { RecordStatus, Stage, TroubleStatus } from '../record-status.ts';
import type { PersonView, PurgeRequest, PurgeView } from '../retention/contract.ts';
import type { RollbackView } from '../rollback/contract.ts';
import type { RunAction, RunStatus } from '../run-status.ts';
import type { TrialView } from '../trial/forecast.ts';

/**
 * What operators can do, whatever door they come through. The HTTP routes call nothing else of the engine.
 */

export type { Journey } from '../journeys/contract.ts';
export type { DoubledRow, MendedView, MendingView } from '../mending/contract.ts';
export type { ErrorShare, RunMetrics } from '../reports/metrics.ts';
export type { PersonView, PurgeView } from '../retention/contract.ts';
export type { RollbackView, TrialView };

/** Who asks. `role` is what the key or session allows. */
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
  /** Records a job, 1 to 500, or `auto`: found out by the time jobs take. */
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
  /** What the source says it holds; null when it does not say. */
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

/** Something that keeps a run from moving on, or from moving faster. */
export interface Holdup {
  /** QUEUE_PAUSED, NO_WORKER, UPSTREAM_THROTTLED, BREAKER_OPEN, WAITING_FOR_PARENTS, PAUSED, STOPPED. */
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
  /** Where the rollback of a run that wrote to an API stands; null while nobody has asked for it, and of other runs. */
  readonly rollback: Pick<RollbackView, 'status' | 'done' | 'total' | 'error'> | null;
  /** YYYYMMDD_HHMMSS of its start; in the names of its reports. */
  readonly stamp: string;
  readonly progress: { readonly percent: number; readonly perSecond: number; readonly etaSeconds: number | null };
  readonly entities: Readonly<Record<string, EntityProgress>>;
  /** Invariant I1 for every entity, and every extraction read as many records as its source says it holds. */
  readonly balanced: boolean;
  readonly sums: readonly SumLine[];
  /** What a trial predicts; null of a run that is none. */
  readonly trial: TrialView | null;
  /**
   * Of a trial or a dry run: entities that are made of rows in the target. A trial has only its own few rows there, a dry run
   * those of earlier runs.
   */
  readonly derived: readonly string[];
  /** Why it is slow or stands still; empty of a run that nothing holds up. */
  readonly holdups: readonly Holdup[];
  readonly nextActions: readonly RunAction[];
}

export interface FailureGroup {
  /** Stable name of the group: the hash of entity, stage, status, code and field. */
  readonly group: string;
  readonly entity: string;
  readonly stage: Stage;
  readonly status: TroubleStatus;
  readonly code: string;
  readonly field: string | null;
  readonly count: number;
  readonly message: string;
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
  /** Rows looked at, rows that break the rule. */
  readonly checked: number;
  readonly violations: number;
  /** Every row that breaks it. */
  readonly rows: readonly { readonly sourceId: string; readonly targetId: string | null; readonly detail: string }[];
}

export interface ValidationView {
  readonly runId: string;
  readonly at: string;
  /** The newest change the target had when it was looked at; a later one makes this validation stale. */
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

/** Every method throws DroverError with NOT_FOUND, NOT_ALLOWED_NOW, BAD_REQUEST or CONFIGURATION where it applies. */
export interface Control {
  startRun(input: StartRun, actor: Actor): Promise<RunView>;
  runs(query: {
    plan?: string | undefined;
    status?: RunStatus | undefined;
    cursor?: string | undefined;
    limit?: number | undefined;
  }): Promise<Page<RunView>>;
  run(id: string): Promise<RunView>;
  pause(id: string, reason: string, actor: Actor): Promise<RunView>;
  resume(id: string, reason: string, actor: Actor): Promise<RunView>;
  cancel(id: string, reason: string, actor: Actor): Promise<RunView>;
  /**
   * Replays everything rejected, failed, blocked or mismatched of a run that came to its end, and goes on reading where an
   * extraction failed.
   */
  retry(id: string, reason: string, actor: Actor): Promise<RunView>;
  /** Compares every record that a finished run says is in the target with it again, through its transform. */
  reconcile(id: string, reason: string, actor: Actor): Promise<RunView>;
  /** What would make the target what the source says: what was found to differ, and what is there twice now. */
  mending(id: string): Promise<MendingView>;
  /** Does it: removes rows that are provably doubled, writes what differs again, and compares it. */
  mend(id: string, reason: string, actor: Actor): Promise<MendedView>;
  changeBatchSize(id: string, batchSize: BatchSize, reason: string, actor: Actor): Promise<RunView>;
  enqueue(
    id: string,
    input: {
      entity: string;
      sourceIds?: readonly string[] | undefined;
      records?: readonly Record<string, unknown>[] | undefined;
    },
    actor: Actor,
  ): Promise<{ accepted: number; run: RunView }>;
  records(id: string, filter: RecordFilter): Promise<Page<RecordView>>;
  /** The journeys of one source id through every run, the first run first. */
  journeys(sourceId: string): Promise<readonly Journey[]>;
  failures(id: string): Promise<readonly FailureGroup[]>;
  /**
   * Sends a group of failures back to the beginning: rejected and failed records are read from the source again, others
   * are taken as they were read.
   */
  replay(id: string, group: string, reason: string, actor: Actor): Promise<{ replayed: number; run: RunView }>;
  validate(id: string, actor: Actor): Promise<ValidationView>;
  validation(id: string): Promise<ValidationView>;
  /** Undoes a run. What it did at APIs is undone after the answer, which then says `working`; asked again, it goes on. */
  rollback(id: string, input: { reason: string; dryRun: boolean }, actor: Actor): Promise<RollbackView>;
  /** Where a rollback stands that goes on after its answer. */
  rollbackOf(id: string): Promise<RollbackView>;
  /** Deletes raw and clean payloads of finished runs. */
  purge(input: PurgeRequest, actor: Actor): Promise<PurgeView>;
  /** Everything held about one person. */
  person(email: string, actor: Actor): Promise<PersonView>;
  reports(id: string): Promise<readonly ReportEntry[]>;
  /**
   * A report's text, or a stream of it for exports. Includes `<entity>.csv`, made from the ledger on the way out.
   * `masked`: without personal data.
   */
  report(
    id: string,
    name: string,
    options?: { readonly masked: boolean },
  ): Promise<{ readonly mediaType: string; readonly body: string | AsyncIterable<string> }>;
  /** Ends what goes on in this process after its request was answered. */
  close(): Promise<void>;
}
