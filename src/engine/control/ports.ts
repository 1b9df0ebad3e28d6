import type { JsonObject } from '../../plan/json.ts';
import type { Run, RunEntity } from '../ports.ts';
import type { RunStatus } from '../run-status.ts';
import type { AuditEntry } from './audit.ts';
import type { BatchSize, RecordFilter, RecordView } from './contract.ts';

/** A run about to be written. */
export type NewRun = Omit<
  Run,
  'status' | 'reason' | 'createdAt' | 'startedAt' | 'finishedAt' | 'statusAt' | 'rolledBackAt' | 'purgedAt'
>;

export interface RunQuery {
  readonly plan?: string | undefined;
  readonly status?: RunStatus | undefined;
  /** Id of the last run of the page before. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Which records a replay takes. */
export interface ReplaySelection {
  readonly entity?: string | undefined;
  readonly stage?: string | undefined;
  readonly status?: string | undefined;
  readonly code?: string | null | undefined;
  readonly field?: string | null | undefined;
}

/** What an operator's change does to a run, in one transaction. */
export interface ControlChanges {
  find(id: string): Promise<Run | undefined>;
  createRun(run: NewRun, entities: readonly string[]): Promise<void>;
  /** Moves a run along an arrow of the table; false when it was not where the arrow begins. */
  move(id: string, to: RunStatus, reason: string | null): Promise<boolean>;
  /**
   * Has a run go on for records that were sent on their way; false when no arrow leads there. Whoever would end the run
   * waits for this change and sees its records, so call it last.
   */
  goOn(id: string, reason: string | null): Promise<boolean>;
  /** `auto` goes on from the size that holds, and from what was measured. */
  setBatchSize(id: string, batchSize: BatchSize): Promise<void>;
  /**
   * Sends settled records back to the beginning of their way, under a new epoch; answers how many. Rejected and failed
   * ones are read from the source again, others are taken as they were read.
   */
  replay(runId: string, selection: ReplaySelection): Promise<number>;
  /**
   * Sends what was loaded back to be compared with the target, and of the entities named what was found unchanged; answers
   * how many.
   */
  reconcileAgain(runId: string, unchangedOf: readonly string[]): Promise<number>;
  /** Failed extractions read on from their cursor. */
  reopenExtractions(runId: string): Promise<number>;
  /** Records to be fetched from the source by id; known ones are fetched again. */
  enqueueIds(runId: string, entity: string, sourceIds: readonly string[]): Promise<number>;
  /** Records given as they are; known ones are replaced. */
  enqueueRecords(
    runId: string,
    entity: string,
    records: readonly { sourceId: string; raw: JsonObject }[],
  ): Promise<number>;
  setRolledBack(id: string): Promise<void>;
}

/** What the control needs of the ledger. */
export interface ControlStore {
  /**
   * Does the work and writes its row in the audit log, both or neither. Operators who change the same run do so one
   * after the other. The work may ask nothing of anybody but `changes`: it holds a connection.
   */
  change<T>(runId: string, work: (changes: ControlChanges) => Promise<T>, entry: (done: T) => AuditEntry): Promise<T>;
  /** Writes down what is about to be done elsewhere, where no transaction of ours reaches. */
  note(entry: AuditEntry): Promise<void>;
  /** Another run of the plan into the same schema that is not finished; two at once would write over each other. */
  activeRun(plan: string, targetSchema: string): Promise<string | undefined>;
  /** A run of the plan into the same schema that is being rolled back at APIs. */
  rollingBack(plan: string, targetSchema: string): Promise<string | undefined>;
  find(id: string): Promise<Run | undefined>;
  list(query: RunQuery): Promise<Run[]>;
  entities(runId: string): Promise<RunEntity[]>;
  records(runId: string, filter: RecordFilter & { limit: number }): Promise<RecordView[]>;
  /** The watermarks an incremental run starts from: the earliest of its entities. */
  watermark(plan: string, targetSchema: string, entities: readonly string[]): Promise<string | undefined>;
  setRolledBack(id: string): Promise<void>;
}
