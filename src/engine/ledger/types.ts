import type { RecordStatus, SettledStatus, Stage } from '../../contract/record-status.ts';
import type { RunStatus } from '../../contract/run-status.ts';
import type { BatchTuning, Strategy } from '../../contract/runs.ts';
import type { Plan, RecordMoney, Source } from '../../plan/contract.ts';
import type { Json, JsonObject } from '../../plan/json.ts';

/** A run as the engine sees it. */
export interface Run {
  readonly id: string;
  readonly plan: string;
  readonly version: string;
  readonly strategy: Strategy;
  readonly dryRun: boolean;
  readonly exportOnly: boolean;
  readonly skipExisting: boolean;
  readonly status: RunStatus;
  readonly reason: string | null;
  readonly targetSchema: string;
  /** Records a job; with automatic batch size, the size its stages begin with. */
  readonly batchSize: number;
  /** What was measured so far; null when the batch size is fixed. */
  readonly batchTuning: BatchTuning | null;
  /** The run stops when more than this share of its settled records was rejected or failed. */
  readonly maxFailurePercent: number;
  readonly scope: {
    readonly since?: string;
    /** `since` is the watermark of earlier runs and was not given by the operator. */
    readonly sinceWatermark?: boolean;
    readonly until?: string;
    readonly ids?: readonly string[];
    /** A trial: at most so many records of each entity, loaded into a schema of its own. */
    readonly trial?: number;
  };
  readonly params: JsonObject;
  /** YYYYMMDD_HHMMSS of the start; names its reports. */
  readonly stamp: string;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  readonly statusAt: Date;
  readonly rolledBackAt: Date | null;
  /** When the payloads of its records were purged. */
  readonly purgedAt: Date | null;
  /** Why the last attempt to finish it failed, and when; of the present status only if not before `statusAt`. */
  readonly finishError: string | null;
  readonly finishFailedAt: Date | null;
}

export type ExtractionStatus = 'reading' | 'done' | 'failed';

/** The extraction of one entity of a run. */
export interface RunEntity {
  readonly runId: string;
  readonly entity: string;
  readonly position: number;
  readonly status: ExtractionStatus;
  readonly cursor: Json | null;
  readonly pages: number;
  /** How often the source was read again from its beginning because it returned fewer records than it counts. */
  readonly rescans: number;
  readonly repeated: number;
  readonly sourceTotal: number | null;
  readonly watermark: string | null;
  readonly epoch: number;
  readonly attempts: number;
  readonly mergedAt: Date | null;
  readonly loadOpen: boolean;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
}

/** How a job names a record: its ledger id and the epoch it was dispatched under. */
export interface RecordRef {
  readonly id: string;
  readonly epoch: number;
}

/** A record opened for a stage. `raw` and `clean` are present when the stage requested them. */
export interface OpenRecord extends RecordRef {
  readonly runId: string;
  readonly entity: string;
  readonly sourceId: string;
  readonly attempts: number;
  readonly targetId: string | null;
  readonly mergeKey: string | null;
  readonly raw?: JsonObject;
  readonly clean?: CleanRecord;
}

/** The result of the transform, as the ledger stores it. */
export interface CleanRecord {
  readonly row: JsonObject;
  readonly references?: Readonly<Record<string, { readonly entity: string; readonly sourceId: string }>>;
  readonly notes?: readonly string[];
}

/** The outcome of one record at a stage. */
export type RecordOutcome =
  /** Done: the record goes on to the next stage. */
  | {
      readonly kind: 'next';
      readonly stage: Stage;
      readonly clean?: CleanRecord;
      readonly raw?: JsonObject;
      readonly mergeKey?: string;
      readonly mergeRank?: string;
      readonly money?: RecordMoney;
      readonly targetId?: string;
      readonly hash?: string;
    }
  /** The record is settled. */
  | {
      readonly kind: 'end';
      readonly status: SettledStatus;
      readonly code?: string;
      readonly message?: string;
      readonly field?: string;
      readonly targetId?: string;
      readonly mergedInto?: string;
      readonly blockedBy?: string;
      readonly money?: RecordMoney;
    }
  /** Try this stage again, not before `delayMs`. `counts` says whether it uses up a try. */
  | {
      readonly kind: 'again';
      readonly delayMs: number;
      readonly counts: boolean;
      readonly code: string;
      readonly message: string;
      /** Known already, although the stage is not done: merges are decided without waiting for it. */
      readonly mergeKey?: string;
      readonly mergeRank?: string;
    };

export interface OutcomeWrite {
  readonly ref: RecordRef;
  readonly stage: Stage;
  readonly outcome: RecordOutcome;
  /** The lease the work was done under, if it was claimed; a newer lease fences this write off. */
  readonly token?: string | undefined;
  /** Mark it dispatched: the caller puts the next job on its queue. */
  readonly dispatch: boolean;
}

/** A record after its outcome was accepted. */
export interface WrittenOutcome extends RecordRef {
  readonly runId: string;
  readonly entity: string;
  readonly stage: Stage;
  readonly status: RecordStatus;
  readonly dispatched: boolean;
}

/** The state of a referenced record: its target id, or why there is none. */
export type Resolution =
  | { readonly kind: 'found'; readonly targetId: string }
  /** `code`: what the record itself waits for, if anything. */
  | { readonly kind: 'waiting'; readonly recordId: string; readonly code: string | null }
  | { readonly kind: 'bad'; readonly recordId: string; readonly status: RecordStatus; readonly code: string | null }
  | { readonly kind: 'absent' };

export interface PageToStore {
  readonly records: readonly {
    readonly sourceId: string;
    readonly raw: JsonObject;
    /** Short hash of the content. */
    readonly fingerprint: string;
    /** Set for a record that is settled as it is read: no id, the same id with other content, or export only. */
    readonly end?: { readonly status: 'rejected' | 'skipped'; readonly code: string; readonly message: string };
  }[];
  /** Records that the page itself contains more than once. */
  readonly repeated: number;
  readonly cursor: Json | null;
  readonly watermark: string | null;
  /** A repeated id with other content is an error in the data: see Source.immutable. */
  readonly immutable: boolean;
}

/**
 * The ledger as stages and scheduler use it. Records are also written by merges (merge.ts), by the scheduler's gates and
 * sweep, and by operators' changes (runs/control-store.ts); contract/record-status.ts lists the writers.
 */
export interface Ledger {
  /** The records that still wait for this stage under these epochs, of runs that are running. */
  open(stage: Stage, refs: readonly RecordRef[], want: { raw: boolean; clean: boolean }): Promise<OpenRecord[]>;
  /** Writes many outcomes in one statement, guarded by stage, epoch and lease; returns those accepted. */
  writeOutcomes(writes: readonly OutcomeWrite[], worker: string): Promise<WrittenOutcome[]>;
  /**
   * Returns records undone: they are due at once, or when their run is resumed, or when another worker's lease on them
   * expires. The caller's own lease is named by its token and ends here.
   */
  release(refs: readonly RecordRef[], token?: string): Promise<void>;
  /** Takes a lease for work that is costly or has effects elsewhere; returns the records granted. */
  claim(refs: readonly RecordRef[], token: string, leaseMs: number): Promise<RecordRef[]>;
  /** Records a lost worker, with `counts` as a try; returns the records that may still be tried. */
  recordLostWorker(
    refs: readonly RecordRef[],
    maxAttempts: number,
    worker: string,
    counts: boolean,
  ): Promise<RecordRef[]>;
  /** Stores a page and advances the cursor; false, with nothing written, when the epoch is not current. */
  storePage(runId: string, entity: string, epoch: number, page: PageToStore): Promise<boolean>;
  /** The state of the records that these source ids name, in this run first, then in the target. */
  resolve(run: Run, wanted: readonly { entity: string; sourceId: string }[]): Promise<Map<string, Resolution>>;
  /** Source ids of the records merged into each of these. */
  mergedInto(ids: readonly string[]): Promise<Map<string, string[]>>;
}

/** Number of records of an entity at a stage with a status. */
export interface StageCount {
  readonly entity: string;
  readonly stage: Stage;
  readonly status: RecordStatus;
  readonly n: number;
}

/** Number of records of an entity that failed in earlier runs and are not settled. */
export interface UnsettledRecords {
  readonly entity: string;
  readonly n: number;
}

/** A job for a stage: record references only. */
export interface StageJob {
  readonly stage: Stage;
  readonly runId: string;
  readonly refs: readonly RecordRef[];
  /** Its last worker was lost: to be processed alone. */
  readonly suspect?: boolean;
}

/** Opens the source of an entity of a run in this process. */
export type SourceFactory = (plan: Plan, run: Run, entity: string) => Source;

/** Puts jobs on the queues. Never waits for Redis without a deadline; lost jobs are found by the sweep. */
export interface Dispatcher {
  dispatch(jobs: readonly StageJob[]): Promise<void>;
  dispatchExtractions(jobs: readonly ExtractionJob[]): Promise<void>;
  /** How many more jobs the stage's queue takes before its window is full. */
  freeSlots(stage: Stage): number;
  /** How full the stage's window is: 0 empty, 1 full. */
  fillRatio(stage: Stage): number;
}

/** A job that reads pages of one entity. */
export interface ExtractionJob {
  readonly runId: string;
  readonly entity: string;
  readonly epoch: number;
}
