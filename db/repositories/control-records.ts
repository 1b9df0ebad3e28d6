import type { ReplaySelection } from '../../src/engine/control/ports.ts';
import type { JsonObject } from '../../src/plan/json.ts';
import { prepared, type Queryable } from '../sql.ts';

// What was wrong is read from its source again, where it was mended; what differs in the target is written again from
// what was read. Records without an id of their own (`#…`) cannot be asked for. The target id stays: it is the same row.
const replayed = `
WITH back AS (
  UPDATE drover.records SET status = 'pending', stage = CASE WHEN stage = 'extract' THEN 'extract'
      WHEN status IN ('rejected', 'failed') AND strpos(source_id, '#') = 0 THEN 'extract' ELSE 'transform' END,
    code = NULL, field = NULL, message = NULL, blocked_by = NULL, merged_into = NULL, attempts = 0, epoch = epoch + 1,
    dispatched_at = NULL, due_at = now(), updated_at = now()
  WHERE run_id = $1 AND status IN ('rejected', 'failed', 'mismatched', 'blocked')
    AND ($2::text IS NULL OR entity = $2) AND ($3::text IS NULL OR stage = $3) AND ($4::text IS NULL OR status = $4)
    AND (NOT $5 OR code IS NOT DISTINCT FROM $6) AND (NOT $7 OR field IS NOT DISTINCT FROM $8)
  RETURNING 1
)
SELECT count(*)::int AS n FROM back`;

/** Sends settled records back to the beginning of their way. */
export async function replayRecords(client: Queryable, runId: string, selection: ReplaySelection): Promise<number> {
  const { entity = null, stage = null, status = null } = selection;
  const rows = await prepared<{ n: number }>(client, 'replay', replayed, [
    runId,
    entity,
    stage,
    status,
    selection.code !== undefined,
    selection.code ?? null,
    selection.field !== undefined,
    selection.field ?? null,
  ]);
  return rows[0]?.n ?? 0;
}

// Whatever the run says is in the target: reconciled, found unchanged since an earlier run, or found to differ and perhaps
// mended by hand since; and what was loaded and could not be compared. Not what was left alone (EXISTS) or merged: of these
// the target does not hold what this record says.
const compared = `
WITH back AS (
  UPDATE drover.records SET status = 'pending', stage = 'reconcile', code = NULL, field = NULL, message = NULL,
    attempts = 0, epoch = epoch + 1, dispatched_at = NULL, due_at = now(), updated_at = now()
  WHERE run_id = $1 AND (status IN ('reconciled', 'mismatched') OR (status = 'skipped' AND code = 'UNCHANGED' AND entity = ANY ($2::text[]))
    OR (status IN ('failed', 'blocked', 'rejected') AND stage = 'reconcile' AND target_id IS NOT NULL))
  RETURNING 1
)
SELECT count(*)::int AS n FROM back`;

/** Sends everything that was loaded to be compared with the target once more. */
export async function reconcileAgain(
  client: Queryable,
  runId: string,
  unchangedOf: readonly string[],
): Promise<number> {
  const rows = await prepared<{ n: number }>(client, 'compare_again', compared, [runId, unchangedOf]);
  return rows[0]?.n ?? 0;
}

const byId = `
INSERT INTO drover.records AS r (run_id, entity, source_id, stage, status)
SELECT DISTINCT $1, $2, id, 'extract', 'pending' FROM unnest($3::text[]) AS id
ON CONFLICT (run_id, entity, source_id) DO UPDATE SET stage = 'extract', status = 'pending', code = NULL, field = NULL,
  message = NULL, blocked_by = NULL, merged_into = NULL, attempts = 0, epoch = r.epoch + 1, dispatched_at = NULL,
  due_at = now(), updated_at = now()`;

/** Records to be fetched from the source by their ids. */
export async function enqueueIds(
  client: Queryable,
  runId: string,
  entity: string,
  sourceIds: readonly string[],
): Promise<number> {
  await prepared(client, 'enqueue_ids', byId, [runId, entity, sourceIds]);
  return new Set(sourceIds).size;
}

const given = `
WITH input AS (SELECT * FROM json_to_recordset($3::json) AS x(source_id text, raw json)),
stored AS (
  INSERT INTO drover.records AS r (run_id, entity, source_id, stage, status)
  SELECT $1, $2, source_id, 'transform', 'pending' FROM input
  ON CONFLICT (run_id, entity, source_id) DO UPDATE SET stage = 'transform', status = 'pending', code = NULL, field = NULL,
    message = NULL, blocked_by = NULL, merged_into = NULL, attempts = 0, epoch = r.epoch + 1, dispatched_at = NULL,
    due_at = now(), updated_at = now()
  RETURNING id, source_id
), kept AS (
  INSERT INTO drover.payloads (record_id, raw) SELECT s.id, i.raw FROM stored s JOIN input i USING (source_id)
  ON CONFLICT (record_id) DO UPDATE SET raw = excluded.raw
)
SELECT count(*)::int AS n FROM stored`;

/** Records given as they are; their source ids must be distinct. */
export async function enqueueRecords(
  client: Queryable,
  runId: string,
  entity: string,
  records: readonly { sourceId: string; raw: JsonObject }[],
): Promise<number> {
  const input = JSON.stringify(records.map((record) => ({ source_id: record.sourceId, raw: record.raw })));
  const rows = await prepared<{ n: number }>(client, 'enqueue_records', given, [runId, entity, input]);
  return rows[0]?.n ?? 0;
}
