import type { TargetTable } from '../validation/ports.ts';
import type { DoubledRow } from './contract.ts';

/** A table in which rows of an entity may be there twice. */
export interface DuplicateTable extends TargetTable {
  /** Columns that make two rows the same: the plan's, without moments of writing. */
  readonly columns: readonly string[];
  /** Moments of writing: they differ between two rows that say the same. */
  readonly stamps: readonly string[];
  readonly naturalKey: readonly string[];
  /** Columns of the plan that hold ids of these rows, with a foreign key or without. */
  readonly pointers: readonly { readonly table: string; readonly column: string }[];
}

export type RemovedDuplicates = { readonly removed: readonly DoubledRow[]; readonly left: readonly DoubledRow[] };

/** Rows that are there twice, over the target's database. Throws DroverError. */
export interface DuplicateStore {
  find(place: DuplicateTable): Promise<readonly DoubledRow[]>;
  /** Removes those that may be, as the run's changes, so that its rollback puts them back. */
  remove(place: DuplicateTable, runId: string): Promise<RemovedDuplicates>;
}
