import type { RecordStatus, Stage } from '../../contract/record-status.ts';
import type { Merge, Plan } from '../../plan/contract.ts';
import type { Dispatcher, ExtractionJob, Ledger, RecordRef, Run, RunEntity, RunStore } from '../ledger/types.ts';

export interface StageCount {
  readonly entity: string;
  readonly stage: Stage;
  readonly status: RecordStatus;
  readonly n: number;
}

/** A record just given out. One that has failed before travels alone. */
export interface DueRecord extends RecordRef {
  readonly attempts: number;
  /** Its last worker died over it, or over something beside it. */
  readonly suspect: boolean;
}

/** The conductor's view of the ledger. */
export interface SchedulerStore {
  /** Runs that are pending, running, pausing or cancelling. */
  activeRuns(): Promise<Run[]>;
  entities(runId: string): Promise<RunEntity[]>;
  counts(runId: string): Promise<StageCount[]>;
  /** Gives out due records under a new epoch; the caller must put them on a queue. */
  claimDueRecords(runId: string, entity: string, stage: Stage, limit: number): Promise<DueRecord[]>;
  /** The same of extractions, but for those of the entities named. */
  claimDueExtractions(runId: string, but: readonly string[]): Promise<ExtractionJob[]>;
  /** Takes back what was given out longer ago than `ageMs` and never finished. */
  sweep(ageMs: number): Promise<number>;
  /** Takes back everything given out: the queues are known to be empty. */
  resetDispatched(): Promise<number>;
  /** Records and extractions of a run that are in the queues or in the hands of workers. */
  countInFlight(runId: string): Promise<number>;
  /** Takes everything of a run back under a new epoch: whoever still works on it changes nothing. */
  fenceRun(runId: string): Promise<void>;
  /** True while a record of the entity may still come to be loaded without anybody's help. */
  hasUnsettledRecords(runId: string, entity: string): Promise<boolean>;
  /** Decides them and notes that it did; false for a run that is not running any more. */
  decideMerges(runId: string, entity: string, merge: Merge): Promise<boolean>;
  openLoad(runId: string, entity: string): Promise<void>;
  /** True when an earlier run loaded records of the entity into this target schema. */
  hasIdentities(plan: string, targetSchema: string, entity: string): Promise<boolean>;
  /** Frees blocked records whose parent has landed since. */
  unblock(runId: string): Promise<number>;
  saveSample(runId: string, done: number, total: number): Promise<void>;
  /** Takes the lease of finishing a run; false while another process holds it. */
  claimFinishing(runId: string, by: string, leaseMs: number): Promise<boolean>;
  /** Name of the Redis we knew last. */
  redisId(): Promise<string | undefined>;
  setRedisId(id: string): Promise<void>;
}

/** What Redis keeps of its own identity. */
export interface RedisIdentity {
  read(): Promise<string | null>;
  write(id: string): Promise<void>;
}
export interface SchedulerDeps {
  readonly store: SchedulerStore;
  readonly runs: RunStore;
  readonly ledger: Ledger;
  readonly dispatcher: Dispatcher;
  readonly redis: RedisIdentity;
  readonly plan: (name: string) => Plan;
  /** Lays limits, pauses and schedules again after Redis was lost. */
  readonly restoreOverrides: () => Promise<void>;
  /** Makes the target ready before the first record moves. */
  readonly prepareTarget: (plan: Plan, run: Run) => Promise<void>;
  /** Validates, writes the reports and moves the run to its end. */
  readonly finishRun: (run: Run) => Promise<void>;
  readonly leadership: { hold(): Promise<boolean>; release(): Promise<void> };
  readonly log: {
    info(o: object, m: string): void;
    warn(o: object, m: string): void;
    error(o: object, m: string): void;
  };
  /** Names this process in leases. */
  readonly name: string;
  readonly tickMs: number;
  readonly sweepAgeMs: number;
  /** After this long a pause no longer waits for workers: their work is fenced off. */
  readonly graceMs: number;
}
/** A run with what the conductor read of it in this tick. */
export interface ScheduledRun {
  readonly run: Run;
  readonly plan: Plan;
  readonly counts: readonly StageCount[];
}
/** What a conductor remembers between ticks; nothing of it is missed when another takes over. */
export interface SchedulerMemory {
  /** Runs this process is finishing. */
  readonly finishing: Map<string, Promise<void>>;
  /** When what was lost was last looked for, ms since the epoch. */
  sweptAt: number;
  /** When each run's progress was last written down. */
  readonly sampledAt: Map<string, number>;
}
