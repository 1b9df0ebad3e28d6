import type { RollbackView } from '../../contract/runs.ts';

/** The table of one entity, and the columns the plan writes there. */
export interface RollbackTable {
  readonly entity: string;
  readonly table: string;
  /** Columns written into new and existing rows. */
  readonly written: readonly string[];
  /** Columns written into new rows only. */
  readonly insertOnly: readonly string[];
}

/** The run to undo, and its tables in the order of loading, parents first. */
export interface RollbackScope {
  readonly runId: string;
  readonly plan: string;
  readonly stamp: string;
  /** Scope of the identities. */
  readonly scope: string;
  readonly schema: string;
  readonly tables: readonly RollbackTable[];
}

/** A row that was written after the run's load; `DecideUndo` finds out whether its content changed. */
export interface Suspect {
  readonly changeId: string;
  readonly entity: string;
  readonly sourceId: string;
  readonly targetId: string;
}

/** Answers the change ids of the suspects whose rows still hold what the run wrote: these may be undone. */
export type DecideUndo = (suspects: readonly Suspect[]) => Promise<readonly string[]>;

/** What an undo did, or a part of it. */
export type UndoResult = Pick<RollbackView, 'removed' | 'restored' | 'conflicts'>;

export const noUndoResult: UndoResult = { removed: 0, restored: 0, conflicts: [] };

export function addUndoResults(a: UndoResult, b: UndoResult): UndoResult {
  return {
    removed: a.removed + b.removed,
    restored: a.restored + b.restored,
    conflicts: [...a.conflicts, ...b.conflicts],
  };
}
