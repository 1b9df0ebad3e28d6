import type { JsonObject } from '../../plan/json.ts';
import type { BatchSize } from '../batch-size.ts';
import type { Run, RunEntity } from '../ports.ts';
import type { RunStatus } from '../run-status.ts';
import type { RecordFilter, RecordView } from './contract.ts';

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

/** What the control needs of the ledger. */
export interface ControlStore {
  createRun(run: NewRun, entities: readonly string[]): Promise<void>;
  /** Another run of the plan into the same schema that is not finished; two at once would write over each other. */
  activeRun(plan: string, targetSchema: string): Promise<string | undefined>;
  find(id: string): Promise<Run | undefined>;
  list(query: RunQuery): Promise<Run[]>;
  entities(runId: string): Promise<RunEntity[]>;
  move(id: string, to: RunStatus, reason: string | null): Promise<boolean>;
  /** `auto` goes on from the size that holds, and from what was measured. */
  setBatchSize(id: string, batchSize: BatchSize): Promise<void>;
  records(runId: string, filter: RecordFilter & { limit: number }): Promise<RecordView[]>;
  /** Sends settled records back to the beginning of their way, under a new epoch; answers how many. */
  replay(runId: string, selection: ReplaySelection): Promise<number>;
  /** Sends reconciled records back to be compared with the target; answers how many. */
  reconcileAgain(runId: string): Promise<number>;
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
  /** The watermarks an incremental run starts from: the earliest of its entities. */
  watermark(plan: string, targetSchema: string, entities: readonly string[]): Promise<string | undefined>;
  setRolledBack(id: string): Promise<void>;
}
