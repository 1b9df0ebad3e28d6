import type pg from 'pg';
import { queryPrepared, transaction } from '../../../db/sql.ts';
import { runAcceptsWritesSql } from './run-guard.sql.ts';
import type { PageToStore } from './types.ts';

const insertRecordsSql = `
WITH input AS (
  SELECT * FROM json_to_recordset($3::json) AS x(source_id text, raw json, status text, code text, message text)
), stored AS (
  INSERT INTO drover.records (run_id, entity, source_id, stage, status, code, message)
  SELECT $1, $2, source_id, 'transform', coalesce(status, 'pending'), code, message FROM input
  ON CONFLICT (run_id, entity, source_id) DO NOTHING
  RETURNING id, source_id
), kept AS (
  INSERT INTO drover.payloads (record_id, raw) SELECT s.id, i.raw FROM stored s JOIN input i USING (source_id)
)
SELECT source_id FROM stored`;

// Of the ids that were stored before: those that now carry other content.
const differingIdsSql = `
SELECT i.source_id FROM json_to_recordset($3::json) AS i(source_id text, raw jsonb)
JOIN drover.records r ON r.run_id = $1 AND r.entity = $2 AND r.source_id = i.source_id
JOIN drover.payloads p ON p.record_id = r.id AND p.raw <> i.raw`;

const advanceCursorSql = `
UPDATE drover.run_entities SET
  cursor = $4::jsonb, pages = pages + 1, repeated = repeated + $5, dispatched_at = now(), attempts = 0,
  watermark = greatest(watermark, $6), error_code = NULL, error_message = NULL
WHERE run_id = $1 AND entity = $2 AND epoch = $3 AND status = 'reading'
  -- A worker that resumed after a pause may hold an extraction that was released under the same epoch.
  AND EXISTS (SELECT FROM drover.runs run WHERE run.id = $1 AND ${runAcceptsWritesSql})`;

/**
 * Stores a page's records and advances the cursor in one transaction. Returns false, with nothing written, when the
 * extraction was dispatched again under a newer epoch or its run takes no writes.
 */
export async function storePage(
  pool: pg.Pool,
  runId: string,
  entity: string,
  epoch: number,
  page: PageToStore,
): Promise<boolean> {
  return transaction(pool, async (client) => {
    const input = JSON.stringify(
      page.records.map((record) => ({
        source_id: record.sourceId,
        raw: record.raw,
        ...record.end,
      })),
    );
    const stored = await queryPrepared<{ source_id: string }>(client, 'store_page', insertRecordsSql, [
      runId,
      entity,
      input,
    ]);
    const repeated = page.records.length - stored.length;
    const differs = page.immutable && repeated > 0 ? await storeDuplicates(client, runId, entity, page, stored) : 0;
    const moved = await client.query(advanceCursorSql, [
      runId,
      entity,
      epoch,
      JSON.stringify(page.cursor),
      page.repeated + repeated - differs,
      page.watermark,
    ]);
    if (moved.rowCount === 0) throw new EpochChangedError();
    return true;
  }).catch((error: unknown) => {
    if (error instanceof EpochChangedError || (error as { cause?: unknown }).cause instanceof EpochChangedError)
      return false;
    throw error;
  });
}

/** In a file, a second row with the same id and other content is stored under a name of its own and rejected; returns how many. */
async function storeDuplicates(
  client: pg.PoolClient,
  runId: string,
  entity: string,
  page: PageToStore,
  stored: readonly { source_id: string }[],
): Promise<number> {
  const inserted = new Set(stored.map((row) => row.source_id));
  const repeated = page.records.filter((record) => !inserted.has(record.sourceId));
  const input = JSON.stringify(repeated.map((record) => ({ source_id: record.sourceId, raw: record.raw })));
  const rows = await queryPrepared<{ source_id: string }>(client, 'page_differs', differingIdsSql, [
    runId,
    entity,
    input,
  ]);
  const different = new Set(rows.map((row) => row.source_id));
  const rejected = repeated.filter((record) => different.has(record.sourceId)).map(toDuplicate);
  if (rejected.length > 0)
    await queryPrepared(client, 'store_page', insertRecordsSql, [runId, entity, JSON.stringify(rejected)]);
  return rejected.length;
}

function toDuplicate(record: PageToStore['records'][number]): Record<string, unknown> {
  return {
    // Named by the hash of the content: the same when the page is read again.
    source_id: `${record.sourceId}#${record.fingerprint}`,
    raw: record.raw,
    status: 'rejected',
    code: 'DUPLICATE_ID',
    message: `another record carries the id ${record.sourceId} with other content`,
  };
}

class EpochChangedError extends Error {}
