import type { RowComparison } from './api-target.ts';
import type { Entity, Plan } from './contract.ts';
import type { JsonObject } from './json.ts';

/** A row to load. Reference columns hold target ids. */
export interface TargetRow {
  readonly sourceId: string;
  readonly targetId: string;
  readonly row: JsonObject;
  readonly hash: string;
  /** Source ids of records merged into this one; they share its target id. */
  readonly aliases?: readonly string[] | undefined;
  /** Write it even when it equals the last load: the target may have been changed since. */
  readonly forceWrite?: boolean | undefined;
}

export interface LandedResult {
  readonly kind: 'inserted' | 'updated' | 'unchanged' | 'exists';
  readonly targetId: string;
  /** Notes for operators: values of the existing row that were kept, further rows with the natural key. */
  readonly notes?: readonly string[];
}

/** The result of a load, or of its forecast. */
export type LoadResult =
  | LandedResult
  /** The natural key belongs to the row of another source record. */
  | { readonly kind: 'taken'; readonly targetId: string; readonly bySourceId: string }
  | { readonly kind: 'refused'; readonly message: string; readonly field?: string };

export interface LoadOptions {
  readonly dryRun: boolean;
  readonly skipExisting: boolean;
}

export interface TargetScope {
  readonly runId: string;
  readonly plan: string;
  readonly entity: string;
  readonly targetSchema: string;
  readonly definition: Entity;
  /** Other entities of the plan that fill columns of the same table's rows. */
  readonly sharingEntities: readonly string[];
}

/** The target of rows. Rows of one call have distinct source ids. Throws DroverError. */
export interface TargetPort {
  /** Creates missing tables of the target; throws TARGET_SCHEMA when existing ones do not fit. */
  prepare(
    plan: Pick<Plan, 'entities' | 'furtherTables'>,
    order: readonly string[],
    targetSchema: string,
  ): Promise<void>;
  load(scope: TargetScope, rows: readonly TargetRow[], options: LoadOptions): Promise<LoadResult[]>;
  /** Field names in which the target differs from each row, in the order of the rows. */
  compare(
    scope: TargetScope,
    rows: readonly Pick<TargetRow, 'sourceId' | 'targetId' | 'row'>[],
  ): Promise<RowComparison[]>;
}
