import type { PersonBefore, PersonRecord, PersonRow } from '../../contract/retention.ts';

/** A run whose payloads may be purged. */
export interface PurgeCandidate {
  readonly runId: string;
  readonly plan: string;
  readonly finishedAt: Date | null;
}

/** Where a batch ended; the next one begins behind it. */
export interface PurgePosition {
  readonly entity: string;
  readonly sourceId: string;
}

export interface PurgedBatch {
  readonly raw: number;
  readonly clean: number;
  /** Null when there is nothing behind it. */
  readonly next: PurgePosition | null;
}

export interface RetentionStore {
  /** Finished runs that still have payloads: the one named, or those that ended more than `hours` ago; oldest first. */
  candidates(wanted: { runId?: string | undefined; hours?: number | undefined }): Promise<readonly PurgeCandidate[]>;
  count(runId: string): Promise<{ raw: number; clean: number }>;
  /** From here on nothing is begun that needs payloads. False when the run is not finished any more. */
  markPurged(runId: string): Promise<boolean>;
  purgeBatch(runId: string, after: PurgePosition, limit: number): Promise<PurgedBatch>;
}

/** Columns of a table that point at other entities' rows. */
export interface PersonTable {
  readonly entity: string;
  readonly schema: string;
  readonly table: string;
  readonly references: Readonly<Record<string, string>>;
  /** Columns made from secrets, which are in no export. */
  readonly secret: readonly string[];
}

export interface PersonLedger {
  /** Target schemas that runs have loaded into, with their plans. */
  targetSchemas(): Promise<readonly { readonly plan: string; readonly targetSchema: string }[]>;
  /** Records that hold the address, and all that point at those. */
  records(email: string): Promise<readonly PersonRecord[]>;
}

export interface PersonTargets {
  /** Rows that hold the address or have one of the ids, and all that point at those. Parents' tables come first. */
  rows(email: string, tables: readonly PersonTable[], ids: readonly string[]): Promise<readonly PersonRow[]>;
  beforeImages(email: string, ids: readonly string[]): Promise<readonly PersonBefore[]>;
}
