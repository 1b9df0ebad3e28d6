import type { RecordStatus, Stage } from '../../contract/record-status.ts';
import type { RunStatus } from '../../contract/run-status.ts';
import type { BatchTuning, Strategy } from '../../contract/runs.ts';
import type { Plan, RecordMoney, Source } from '../../plan/contract.ts';
import type { Json, JsonObject } from '../../plan/json.ts';

/**
 * What the engine needs from the world. `db`, `queues` and `targets` implement these; the engine knows nothing of
 * PostgreSQL, BullMQ or Redis.
 */

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
  /** Records a job; of a run that tunes itself, what its stages begin with. */
  readonly batchSize: number;
  /** What was measured so far; null of a run whose batch size is fixed. */
  readonly batchTuning: BatchTuning | null;
  /** The run stops when more than this share of its settled records was rejected or failed. */
  readonly maxFailurePercent: number;
  readonly scope: {
    readonly since?: string;
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
  /** Since when payloads of its records are not kept any more. */
  readonly purgedAt: Date | null;
}

export type ExtractionStatus = 'reading' | 'done' | 'failed';

/** One entity of one run: its extraction. */
export interface RunEntity {
  readonly runId: string;
  readonly entity: string;
  readonly position: number;
  readonly status: ExtractionStatus;
  readonly cursor: Json | null;
  readonly pages: number;
  /** How often the source was read from its beginning again because it fell short of its own count. */
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

/** How a job names a record: its ledger id and the epoch it was given out under. */
export interface RecordRef {
  readonly id: string;
  readonly epoch: number;
}

/** A record opened for work. `raw` and `clean` are there when the stage asked for them. */
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

/** What the transform made of a record, as the ledger keeps it. */
export interface CleanRecord {
  readonly row: JsonObject;
  readonly references?: Readonly<Record<string, { readonly entity: string; readonly sourceId: string }>>;
  readonly notes?: readonly string[];
}

/** What a stage says of one record. */
export type RecordOutcome =
  /** Done: on to the stage named. */
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
  /** An end. */
  | {
      readonly kind: 'end';
      readonly status: Exclude<RecordStatus, 'pending'>;
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
    };

export interface OutcomeWrite {
  readonly ref: RecordRef;
  readonly stage: Stage;
  readonly outcome: RecordOutcome;
  /** The lease the work was done under, when it was claimed; a newer lease fences this finish off. */
  readonly token?: string | undefined;
  /** Give it out at once: the caller will put the next job on its queue. */
  readonly dispatch: boolean;
}

/** A finish that counted: the record as it is now. What is missing from the answer was fenced off. */
export interface WrittenOutcome extends RecordRef {
  readonly runId: string;
  readonly entity: string;
  readonly stage: Stage;
  readonly status: RecordStatus;
  readonly dispatched: boolean;
}

/** Where a referenced record stands: its target id, or why there is none. */
export type Resolution =
  | { readonly kind: 'found'; readonly targetId: string }
  | { readonly kind: 'waiting'; readonly recordId: string }
  | { readonly kind: 'bad'; readonly recordId: string; readonly status: RecordStatus; readonly code: string | null }
  | { readonly kind: 'absent' };

export interface StoredPage {
  /** The records that were new, ready for the next stage. */
  readonly fresh: readonly RecordRef[];
  readonly repeated: number;
}

export interface PageToStore {
  readonly records: readonly {
    readonly sourceId: string;
    readonly raw: JsonObject;
    /** Short hash of the content. */
    readonly fingerprint: string;
    /** Set for a record whose journey ends at the door: no id, the same id with other content, or only exported. */
    readonly end?: { readonly status: 'rejected' | 'skipped'; readonly code: string; readonly message: string };
  }[];
  /** Records the page itself gave more than once. */
  readonly repeated: number;
  readonly cursor: Json | null;
  readonly watermark: string | null;
  /** A repeated id with other content is a defect of the data: see Source.immutable. */
  readonly immutable: boolean;
}

/** The ledger: the only writer of records. */
export interface Ledger {
  /** The records still waiting for this work under these epochs, of runs that may move. */
  open(stage: Stage, refs: readonly RecordRef[], want: { raw: boolean; clean: boolean }): Promise<OpenRecord[]>;
  /** One statement for many; guarded by stage and epoch. */
  writeOutcomes(finishes: readonly OutcomeWrite[], worker: string): Promise<WrittenOutcome[]>;
  /**
   * Hands records back undone: they are due at once, or when their run goes on, or when the lease that somebody holds on
   * them has run out. A lease of one's own is given by its token, and ends here.
   */
  release(refs: readonly RecordRef[], token?: string): Promise<void>;
  /** Takes a lease for work that is costly or has effects elsewhere; the answer lists what was granted. */
  claim(refs: readonly RecordRef[], token: string, leaseMs: number): Promise<RecordRef[]>;
  /** Notes a lost worker, as a try where it `counts`; answers the refs that may still be tried. */
  recordLostWorker(
    refs: readonly RecordRef[],
    maxAttempts: number,
    worker: string,
    counts: boolean,
  ): Promise<RecordRef[]>;
  /** Stores a page and moves the cursor, or answers undefined when another worker holds a newer epoch. */
  storePage(runId: string, entity: string, epoch: number, page: PageToStore): Promise<StoredPage | undefined>;
  /** Where the records stand that these source ids name, in this run first, in earlier ones after. */
  resolve(run: Run, wanted: readonly { entity: string; sourceId: string }[]): Promise<Map<string, Resolution>>;
  /** Source ids of the records merged into each of these. */
  mergedInto(ids: readonly string[]): Promise<Map<string, string[]>>;
}

/** What the engine keeps of runs. */
export interface RunStore {
  find(id: string): Promise<Run | undefined>;
  entities(runId: string): Promise<RunEntity[]>;
  extraction(runId: string, entity: string): Promise<RunEntity | undefined>;
  setSourceTotal(runId: string, entity: string, total: number | null): Promise<void>;
  /** `shortfall` is set when the source gave fewer records than it says it has. */
  finishExtraction(runId: string, entity: string, epoch: number, shortfall: string | null): Promise<void>;
  /** Reads the source from its beginning again; what is stored already is only counted as repeated. */
  rescan(runId: string, entity: string, epoch: number): Promise<void>;
  /** Records of one entity by stage and status. */
  counts(runId: string, entity: string): Promise<readonly { stage: Stage; status: RecordStatus; n: number }[]>;
  /** Gives the slice back: the next one is due after `delayMs`. */
  yieldExtraction(runId: string, entity: string, epoch: number, delayMs: number): Promise<void>;
  failExtraction(
    runId: string,
    entity: string,
    epoch: number,
    error: { code: string; message: string; retryMs?: number },
  ): Promise<void>;
  /** Moves a run along an arrow of the table; false when it was not where the arrow begins. */
  move(id: string, to: RunStatus, reason: string | null): Promise<boolean>;
}

/** A job for a stage: record references only. */
export interface StageJob {
  readonly stage: Stage;
  readonly runId: string;
  readonly refs: readonly RecordRef[];
  /** May be what killed its last worker: to be worked on with nothing beside it. */
  readonly suspect?: boolean;
}

/** What the source factory of a plan is given by this process. */
export type SourceFactory = (plan: Plan, run: Run, entity: string) => Source;

/** A copy of where extractions stand, in Redis, for whoever watches; the truth is the ledger's. */
export interface Checkpoints {
  save(runId: string, entity: string, checkpoint: { cursor: Json | null; pages: number; at: string }): Promise<void>;
}

/** Puts jobs on the queues. Never waits for Redis without a deadline; what is lost is swept up later. */
export interface Dispatcher {
  dispatch(jobs: readonly StageJob[]): Promise<void>;
  dispatchExtractions(jobs: readonly ExtractionJob[]): Promise<void>;
  /** How many more jobs the stage's queue may take before it holds its window. */
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
