import type { JsonObject } from '../plan/json.ts';

/** Which payloads to purge: of one run, or of every run that ended long enough ago. */
export interface PurgeRequest {
  readonly runId?: string | undefined;
  /** `30d`, `12h`, `8w`. */
  readonly olderThan?: string | undefined;
  readonly dryRun: boolean;
  readonly reason: string;
}

export interface PurgedRun {
  readonly runId: string;
  readonly plan: string;
  readonly finishedAt: string | null;
  /** Raw and clean payloads deleted, or that would be. */
  readonly raw: number;
  readonly clean: number;
}

export interface PurgeView {
  readonly dryRun: boolean;
  /** False when the time limit was reached before everything was deleted: repeat the request, it continues from there. */
  readonly complete: boolean;
  readonly runs: readonly PurgedRun[];
}

/** A record of the ledger that is about the person, or belongs to a record that is. */
export interface PersonRecord {
  readonly runId: string;
  readonly plan: string;
  readonly targetSchema: string;
  readonly entity: string;
  readonly sourceId: string;
  readonly status: string;
  readonly message: string | null;
  readonly targetId: string | null;
  readonly updatedAt: string;
  /** What the source said and what was made of it; null where purged. */
  readonly raw: JsonObject | null;
  readonly clean: JsonObject | null;
}

export interface PersonRow {
  /** `schema.table` */
  readonly table: string;
  readonly id: string;
  readonly row: JsonObject;
}

/** The content of a row before a run wrote to it; kept for rollback. */
export interface PersonBefore {
  readonly runId: string;
  readonly table: string;
  readonly id: string;
  readonly before: JsonObject;
}

/** Everything stored about one person. */
export interface PersonView {
  readonly email: string;
  readonly at: string;
  readonly records: readonly PersonRecord[];
  readonly rows: readonly PersonRow[];
  readonly befores: readonly PersonBefore[];
}
