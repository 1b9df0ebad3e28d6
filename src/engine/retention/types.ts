/** A run whose payloads may be purged. */
export interface PurgeCandidate {
  readonly runId: string;
  readonly plan: string;
  readonly finishedAt: Date | null;
}

/** The last record of a batch; the next batch starts after it. */
export interface PurgePosition {
  readonly entity: string;
  readonly sourceId: string;
}

export interface PurgedBatch {
  readonly raw: number;
  readonly clean: number;
  /** Null after the last batch. */
  readonly next: PurgePosition | null;
}

/** A table that may hold personal data; `references`: column to the table it points at. */
export interface PersonTable {
  readonly entity: string;
  readonly schema: string;
  readonly table: string;
  readonly references: Readonly<Record<string, string>>;
  /** Columns made from secrets, which no export contains. */
  readonly secret: readonly string[];
}
