import type { AuditEntry } from '../../contract/audit.ts';
import type { SumLine, ValidationCheck } from '../../contract/runs.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { CleanRecord, StageCount } from '../ledger/types.ts';

/** A table of the target and the identities that speak of it. */
export interface TargetTable {
  /** Scope of the identities; see `identityScope`. */
  readonly scope: string;
  readonly entity: string;
  readonly schema: string;
  readonly table: string;
}

/**
 * A page of records the target should hold. `records` is JSON text made by one database and read by the other: it
 * goes through this process as it is.
 */
export interface ExpectedRowsPage {
  readonly records: string;
  readonly count: number;
  /** Source id to go on after; null when this was the last page. */
  readonly next: string | null;
}

export interface MoneyGroup {
  readonly currency: string;
  readonly status: string;
  /** Minor units of all records, and of those that are not in the target. */
  readonly source: string;
  readonly unloaded: string;
}

/** Amounts of a page of records, and the ones among them that should be in the target. */
export interface MoneyPage extends ExpectedRowsPage {
  readonly groups: readonly MoneyGroup[];
}

/** A record to be compared with its target row. */
export interface SampleRecord {
  readonly sourceId: string;
  readonly code: string | null;
  /** Null where payloads were purged. */
  readonly raw: JsonObject | null;
  readonly clean: CleanRecord | null;
}

export interface StoredValidation {
  readonly at: Date;
  readonly dataVersion: string;
  readonly status: 'green' | 'red';
  readonly checks: readonly ValidationCheck[];
}

/** What validation reads of the ledger. */
export interface ValidationLedger {
  /** Records by stage and status as the triggers counted them, and as they are. */
  triggerCounts(runId: string): Promise<readonly StageCount[]>;
  actualCounts(runId: string): Promise<readonly StageCount[]>;
  /** Source ids of records that are not settled yet. */
  pendingSourceIds(runId: string, entity: string): Promise<readonly string[]>;
  /** Records of which the target should hold a row, in the order of their source ids. */
  expectedRows(runId: string, entity: string, after: string, limit: number): Promise<ExpectedRowsPage>;
  money(runId: string, entity: string, after: string, limit: number): Promise<MoneyPage>;
  /** The sums in the run's report, when it has ended and written one. */
  writtenSums(runId: string): Promise<readonly SumLine[] | undefined>;
  /** Records without an amount of their own: they are in no sum. */
  countWithoutAmount(runId: string, entity: string): Promise<number>;
  /** Reconciled and unchanged records, picked by a hash of the run's id: the same ones each time. */
  sample(runId: string, entity: string, size: number): Promise<readonly SampleRecord[]>;
  /** `entry` is written into the audit log with it, both or neither. */
  save(runId: string, validation: Omit<StoredValidation, 'at'>, entry?: AuditEntry): Promise<StoredValidation>;
  latest(runId: string): Promise<StoredValidation | undefined>;
}

/** A row of ours in the target that is not as it should be. */
export interface RowViolation {
  readonly sourceId: string;
  readonly targetId: string | null;
  readonly detail: string;
}

export interface MoneyColumns {
  readonly amount: string;
  readonly currency: string;
  readonly status: string;
  /** True when the column holds minor units already. */
  readonly minor: boolean;
}

/** What validation reads of the target. Rows are ours when an identity of the place points at them. */
export interface ValidationTarget {
  /** Makes the target ready to be asked much at once. */
  analyze(schema: string, tables: readonly string[]): Promise<void>;
  /** Newest change of the scope and a signature of the tables; see target.sql.ts for what it sees. */
  dataVersion(scope: string, schema: string, tables: readonly string[]): Promise<string>;
  /** Names of the table's columns; none when there is no such table. */
  columns(schema: string, table: string): Promise<ReadonlySet<string>>;
  /** How many rows are ours. */
  countOwned(place: TargetTable): Promise<number>;
  /** Of a page of landed records, those whose row is not there. */
  findMissing(place: TargetTable, records: string): Promise<readonly RowViolation[]>;
  /**
   * Records that share one row without being merged, and rows of no record that say the same as one of ours in all of the
   * columns, or have its natural key.
   */
  findDuplicates(
    place: TargetTable,
    columns: readonly string[],
    naturalKey: readonly string[],
  ): Promise<readonly RowViolation[]>;
  /** Rows of ours that point at nothing. */
  findDangling(
    place: TargetTable,
    column: string,
    parentTable: string,
    nullable: boolean,
  ): Promise<readonly RowViolation[]>;
  /** Rows of ours for which the SQL condition is true; throws TARGET_SCHEMA when it cannot be asked. */
  findViolations(place: TargetTable, condition: string): Promise<readonly RowViolation[]>;
  /** Sums in minor units of the rows of a page of money records. */
  sums(
    place: TargetTable,
    money: MoneyColumns,
    records: string,
  ): Promise<readonly { readonly currency: string; readonly status: string; readonly minor: string }[]>;
  /** Of a page of money records, those whose row holds another amount, currency or status. */
  findAmountDifferences(place: TargetTable, money: MoneyColumns, records: string): Promise<readonly RowViolation[]>;
  /** Target ids by source id. */
  targetIds(scope: string, entity: string, sourceIds: readonly string[]): Promise<ReadonlyMap<string, string>>;
}
