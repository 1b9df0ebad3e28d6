import type { FailureGroup, RunView } from '../control/contract.ts';

/** A row of the target that says what the row of a record says, and belongs to no record. */
export interface DoubledRow {
  readonly entity: string;
  readonly table: string;
  /** The row that is too many. */
  readonly targetId: string;
  /** The record it doubles, and the row of that record, which stays. */
  readonly sourceId: string;
  readonly ofTargetId: string;
  /** Why it is left to a person; null of a row that is provably a double and that nothing points at. */
  readonly refusal: string | null;
}

/** What would make the target what the source says: shown before, and done on request. */
export interface MendingView {
  readonly runId: string;
  /** Records that differ or are missing: written again. */
  readonly write: readonly FailureGroup[];
  /** Rows that are there twice: those without a refusal are removed. */
  readonly remove: readonly DoubledRow[];
}

export interface MendedView {
  /** Records on their way to be written, and compared, again. */
  readonly written: number;
  readonly removed: readonly DoubledRow[];
  readonly left: readonly DoubledRow[];
  readonly run: RunView;
}
