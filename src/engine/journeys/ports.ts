import type { JsonObject } from '../../plan/json.ts';
import type { RecordView, TryView } from '../control/contract.ts';
import type { CleanRecord } from '../ports.ts';
import type { JourneyRun, Relative } from './contract.ts';

/** What the ledger knows of one record in one run. */
export interface HistoryRecord {
  readonly record: RecordView;
  readonly run: JourneyRun;
  readonly tries: readonly TryView[];
  readonly clean: CleanRecord | null;
  readonly hasPayload: boolean;
  readonly parent: Relative | null;
  readonly survivor: (Relative & { readonly targetId: string | null }) | null;
}

export interface HistoryLedger {
  /** Every record of the source id, in the order of the runs. */
  find(sourceId: string): Promise<readonly HistoryRecord[]>;
}

/** A run's first write to a row. */
export interface FirstWrite {
  readonly operation: string;
  readonly at: Date;
}

export interface HistoryTarget {
  /** The row as it is now. */
  row(schema: string, table: string, id: string): Promise<JsonObject | undefined>;
  firstWrite(runId: string, entity: string, sourceId: string): Promise<FirstWrite | undefined>;
}
