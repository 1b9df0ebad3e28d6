import type { JsonObject } from '../plan/json.ts';
import type { RecordStatus, Stage } from './record-status.ts';
import type { RunStatus } from './run-status.ts';
import type { FailureGroup, RecordView, RunView, TryView } from './runs.ts';

/** One record in one run: where it came from, every stage, every try that did not succeed, what became of it. */
export interface RecordHistory extends RecordView {
  readonly run: HistoryRun;
  readonly stages: readonly HistoryStage[];
  readonly tries: readonly TryView[];
  /** What the transform noted: values dropped, spellings corrected. */
  readonly notes: readonly string[];
  /** The record it waits for. */
  readonly parent: RelatedRecord | null;
  /** The record it was merged into. */
  readonly survivor: RelatedRecord | null;
  /** Purged: what the source said is not kept any more; hashes and outcomes are. */
  readonly payload: 'kept' | 'purged';
  readonly target: HistoryTarget | null;
}

export interface HistoryRun {
  readonly plan: string;
  readonly version: string;
  readonly status: RunStatus;
  readonly dryRun: boolean;
  readonly targetSchema: string;
  readonly createdAt: string;
  readonly rolledBackAt: string | null;
}

/** `ended`: it goes no further than this stage. `skipped`: the record never had to pass it. */
export type StageState = 'done' | 'waiting' | 'ended' | 'skipped' | 'ahead';

export interface HistoryStage {
  readonly stage: Stage;
  readonly state: StageState;
  /** When that came about, where it is known. */
  readonly at: string | null;
}

export interface RelatedRecord {
  readonly entity: string;
  readonly sourceId: string;
  readonly status: RecordStatus;
}

/** The row of a record. */
export interface HistoryTarget {
  /** `schema.table` */
  readonly table: string;
  readonly id: string;
  /** What this run did to it first; null when it wrote nothing. */
  readonly operation: string | null;
  readonly writtenAt: string | null;
  /** What this run wrote, as the transform made it; null when the payload was purged. */
  readonly loaded: JsonObject | null;
  /** The row as it is now; null when there is none. */
  readonly row: JsonObject | null;
  /** Columns that may hold personal data. */
  readonly personal: readonly string[];
}

/** A row of the target with the same content as the row of a record, which belongs to no record. */
export interface DuplicateRow {
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

/** The repair that would make the target equal to the source: shown first, carried out on request. */
export interface RepairPlanView {
  readonly runId: string;
  /** Records that differ or are missing: written again. */
  readonly write: readonly FailureGroup[];
  /** Rows that are there twice: those without a refusal are removed. */
  readonly remove: readonly DuplicateRow[];
}

export interface RepairResultView {
  /** Records on their way to be written, and compared, again. */
  readonly written: number;
  readonly removed: readonly DuplicateRow[];
  readonly left: readonly DuplicateRow[];
  readonly run: RunView;
}
