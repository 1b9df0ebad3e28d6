import type pg from 'pg';
import { queryPrepared, type Row } from '../../../db/sql.ts';
import type { HistoryRun, RelatedRecord } from '../../contract/records.ts';
import type { RunStatus } from '../../contract/run-status.ts';
import type { RecordView, TryView } from '../../contract/runs.ts';
import type { JsonObject } from '../../plan/json.ts';
import { qualified } from '../../plan/sql.ts';
import type { CleanRecord } from '../ledger/types.ts';

/** What the ledger knows of one record in one run. */
export interface HistoryRecord {
  readonly record: RecordView;
  readonly run: HistoryRun;
  readonly tries: readonly TryView[];
  readonly clean: CleanRecord | null;
  readonly hasPayload: boolean;
  readonly parent: RelatedRecord | null;
  readonly survivor: (RelatedRecord & { readonly targetId: string | null }) | null;
}

/** A run's first write to a row. */
export interface FirstWrite {
  readonly operation: string;
  readonly at: Date;
}

// Joined through the runs' entities, so that the ledger's identity index serves and no other is needed.
const historySql = `
SELECT r.id::text AS id, r.run_id AS "runId", r.entity, r.source_id AS "sourceId", r.stage, r.status, r.code, r.field,
  r.message, r.target_id AS "targetId", r.blocked_by::text AS "blockedBy", r.merged_into::text AS "mergedInto",
  r.attempts, r.updated_at, run.plan, run.version, run.status AS run_status, run.dry_run, run.target_schema,
  run.created_at, run.rolled_back_at, c.clean, p.record_id IS NOT NULL AS has_payload,
  parent.entity AS parent_entity, parent.source_id AS parent_source, parent.status AS parent_status,
  survivor.entity AS survivor_entity, survivor.source_id AS survivor_source, survivor.status AS survivor_status,
  survivor.target_id AS survivor_target
FROM drover.run_entities e
JOIN drover.records r ON r.run_id = e.run_id AND r.entity = e.entity AND r.source_id = $1
JOIN drover.runs run ON run.id = r.run_id
LEFT JOIN drover.payloads p ON p.record_id = r.id
LEFT JOIN drover.cleans c ON c.record_id = r.id
LEFT JOIN drover.records parent ON parent.id = r.blocked_by
LEFT JOIN drover.records survivor ON survivor.id = r.merged_into
ORDER BY run.created_at, r.id`;

const triesSql = `
SELECT record_id::text AS record_id, stage, status, code, field, message, worker, at FROM drover.tries
WHERE record_id = ANY($1::bigint[]) ORDER BY id`;

interface HistoryRow extends Row, Omit<RecordView, 'updatedAt'> {
  readonly updated_at: Date;
  readonly plan: string;
  readonly version: string;
  readonly run_status: RunStatus;
  readonly dry_run: boolean;
  readonly target_schema: string;
  readonly created_at: Date;
  readonly rolled_back_at: Date | null;
  readonly clean: CleanRecord | null;
  readonly has_payload: boolean;
  readonly parent_entity: string | null;
  readonly parent_source: string | null;
  readonly parent_status: RelatedRecord['status'] | null;
  readonly survivor_entity: string | null;
  readonly survivor_source: string | null;
  readonly survivor_status: RelatedRecord['status'] | null;
  readonly survivor_target: string | null;
}

interface TryRow extends Row, Omit<TryView, 'at'> {
  readonly record_id: string;
  readonly at: Date;
}

export type HistoryLedger = ReturnType<typeof createHistoryLedger>;

/** The records of a source id in the ledger, over a pool of the control database. */
export function createHistoryLedger(pool: pg.Pool) {
  return {
    /** Every record of the source id, in the order of the runs. */
    async find(sourceId: string): Promise<readonly HistoryRecord[]> {
      const found = await queryPrepared<HistoryRow>(pool, undefined, historySql, [sourceId]);
      const tried = await queryPrepared<TryRow>(pool, undefined, triesSql, [found.map((row) => row.id)]);
      return found.map((row) => toHistoryRecord(row, tried));
    },
  };
}

function toHistoryRecord(row: HistoryRow, tried: readonly TryRow[]): HistoryRecord {
  return {
    record: recordOf(row),
    run: {
      plan: row.plan,
      version: row.version,
      status: row.run_status,
      dryRun: row.dry_run,
      targetSchema: row.target_schema,
      createdAt: row.created_at.toISOString(),
      rolledBackAt: row.rolled_back_at?.toISOString() ?? null,
    },
    tries: tried
      .filter((one) => one.record_id === row.id)
      .map(({ record_id: _id, at, ...one }) => ({ ...one, at: at.toISOString() })),
    clean: row.clean,
    hasPayload: row.has_payload,
    parent: toRelative(row.parent_entity, row.parent_source, row.parent_status),
    survivor: survivorOf(row),
  };
}

function recordOf(row: HistoryRow): RecordView {
  const { id, runId, entity, sourceId, stage, status, code, field, message, targetId, blockedBy, mergedInto } = row;
  const { attempts, updated_at } = row;
  return {
    ...{ id, runId, entity, sourceId, stage, status, code, field, message, targetId, blockedBy, mergedInto, attempts },
    updatedAt: updated_at.toISOString(),
  };
}

function survivorOf(row: HistoryRow): HistoryRecord['survivor'] {
  const survivor = toRelative(row.survivor_entity, row.survivor_source, row.survivor_status);
  return survivor && { ...survivor, targetId: row.survivor_target };
}

function toRelative(
  entity: string | null,
  sourceId: string | null,
  status: RelatedRecord['status'] | null,
): RelatedRecord | null {
  return entity === null || sourceId === null || status === null ? null : { entity, sourceId, status };
}

const firstWriteSql = 'SELECT operation, at FROM drover.changes WHERE run_id = $1 AND entity = $2 AND source_id = $3';
const tableExistsSql = 'SELECT to_regclass($1) IS NOT NULL AS there';

export type HistoryTargets = ReturnType<typeof createHistoryTargets>;

/** Rows of the target and the runs that wrote them, over a pool of the target's database. */
export function createHistoryTargets(pool: pg.Pool) {
  return {
    /** The row as it is now. */
    async row(schema: string, table: string, id: string): Promise<JsonObject | undefined> {
      const name = qualified(schema, table);
      // A trial's schema is dropped with its trial, and a cutover may rename a table.
      const [known] = await queryPrepared<{ there: boolean }>(pool, undefined, tableExistsSql, [name]);
      if (!known?.there) return undefined;
      const text = `SELECT to_jsonb(t) AS row FROM ${name} t WHERE t.id = $1::uuid`;
      return (await queryPrepared<{ row: JsonObject }>(pool, undefined, text, [id]))[0]?.row;
    },
    async firstWrite(runId: string, entity: string, sourceId: string): Promise<FirstWrite | undefined> {
      const rows = await queryPrepared<FirstWrite & Row>(pool, undefined, firstWriteSql, [runId, entity, sourceId]);
      return rows[0];
    },
  };
}
