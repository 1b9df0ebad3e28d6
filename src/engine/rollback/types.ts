import type { RollbackView } from '../../contract/runs.ts';
import type { CleanRecord } from '../ledger/types.ts';

/** One table of a run, and what the plan may have written there. */
export interface RollbackTable {
  readonly entity: string;
  readonly table: string;
  /** Columns the run writes over a row that was there, and those it only writes into a new one. */
  readonly written: readonly string[];
  readonly insertOnly: readonly string[];
}

/** What is undone, and where. Tables come in the order of their loading, parents first. */
export interface RollbackScope {
  readonly runId: string;
  readonly plan: string;
  readonly stamp: string;
  /** Scope of the identities. */
  readonly scope: string;
  readonly schema: string;
  readonly tables: readonly RollbackTable[];
}

/** A row whose last writer was not the load that made it; whether that changed anything is to be found out. */
export interface Suspect {
  readonly changeId: string;
  readonly entity: string;
  readonly sourceId: string;
  readonly targetId: string;
}

/** Answers the change ids of the suspects whose rows still hold what the run wrote. */
export type DecideUndo = (suspects: readonly Suspect[]) => Promise<readonly string[]>;

export interface UndoResult {
  readonly removed: number;
  readonly restored: number;
  readonly conflicts: RollbackView['conflicts'];
}

/** What a run wrote to the target, and the way back. */
export interface RollbackStore {
  /** Undoes the run in one transaction, or tries it and takes it back when `dryRun` is true. */
  undo(scope: RollbackScope, judge: DecideUndo, dryRun: boolean): Promise<UndoResult>;
  /** Deletes all watermarks of (plan, schema). */
  dropWatermarks(plan: string, targetSchema: string): Promise<void>;
  /** The same as a script for psql, in pieces. */
  script(scope: RollbackScope, judge: DecideUndo): AsyncIterable<string>;
}

/** What rollback reads and keeps of the ledger. */
export interface RollbackLedger {
  /** What the run loaded for these records: columns, and references by source id. */
  cleans(runId: string, entity: string, sourceIds: readonly string[]): Promise<ReadonlyMap<string, CleanRecord>>;
}
