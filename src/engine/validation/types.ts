import type { ValidationCheck } from '../../contract/runs.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { CleanRecord } from '../ledger/types.ts';

/** The target table of an entity, and the scope of its identities. */
export interface TargetTable {
  /** Scope of the identities; see `identityScope`. */
  readonly scope: string;
  readonly entity: string;
  readonly schema: string;
  readonly table: string;
}

/** A page of records the target should hold. `records` is JSON text, made by one database and read by the other. */
export interface ExpectedRowsPage {
  readonly records: string;
  readonly count: number;
  /** The next page starts after this source id; null on the last page. */
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

/** A record's amount as it was taken over: minor units, or the column's decimal where the ledger has no sum of it. */
export interface StoredAmount {
  readonly sourceId: string;
  readonly targetId: string | null;
  readonly minor: string | null;
  readonly major: string | null;
  readonly currency: string | null;
  /** Null where payloads were purged. */
  readonly raw: JsonObject | null;
}

export interface StoredValidation {
  readonly at: Date;
  readonly dataVersion: string;
  readonly status: 'green' | 'red';
  readonly checks: readonly ValidationCheck[];
}

/** A record or row that breaks a check. */
export interface RowViolation {
  readonly sourceId: string;
  readonly targetId: string | null;
  readonly detail: string;
}

export interface MoneyColumns {
  readonly amount: string;
  readonly currency: string;
  readonly status: string;
  /** True when the amount column holds minor units. */
  readonly minor: boolean;
}
