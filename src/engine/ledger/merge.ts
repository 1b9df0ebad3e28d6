import type pg from 'pg';
import { queryPrepared } from '../../../db/sql.ts';
import type { Merge } from '../../plan/contract.ts';
import { runningRunSql } from './run-guard.sql.ts';

/**
 * Decides merges of one entity once all its records are transformed: of the records with one key, the lowest rank
 * survives, ties by source id, whatever order they arrived in. With `byReference` the key is the referenced record,
 * after its own merge. A record that is already loaded outranks all others, so that a second decision never moves a
 * row. Only while the run is running.
 */
const decideMergesSql = `
WITH ${runningRunSql}, keyed AS (
  SELECT r.id, r.source_id, r.status, r.stage, r.merge_rank,
    CASE WHEN $3::text IS NULL THEN r.merge_key
      ELSE coalesce(coalesce(p.merged_into, p.id)::text, c.clean #>> ARRAY['references', $3, 'sourceId']) END AS key
  FROM drover.records r
  LEFT JOIN drover.cleans c ON $3::text IS NOT NULL AND c.record_id = r.id
  LEFT JOIN drover.records p ON $3::text IS NOT NULL AND p.run_id = r.run_id
    AND p.entity = c.clean #>> ARRAY['references', $3, 'entity'] AND p.source_id = c.clean #>> ARRAY['references', $3, 'sourceId']
  WHERE r.run_id = $1 AND r.entity = $2
    AND ((r.status = 'pending' AND r.stage IN ('load', 'reconcile')) OR r.status IN ('reconciled', 'mismatched'))
), ranked AS (
  SELECT id, status, stage, first_value(id) OVER w AS winner, first_value(source_id) OVER w AS winner_source
  FROM keyed WHERE key IS NOT NULL
  WINDOW w AS (PARTITION BY key ORDER BY (status = 'pending' AND stage = 'load'), merge_rank NULLS LAST, source_id COLLATE "C")
), decided AS (
  UPDATE drover.records r SET status = $4, code = $5, message = $6 || k.winner_source,
    merged_into = CASE WHEN $4 = 'skipped' THEN k.winner END,
    epoch = r.epoch + 1, dispatched_at = NULL, updated_at = now()
  FROM ranked k, running WHERE r.id = k.id AND k.id <> k.winner AND k.status = 'pending' AND k.stage = 'load'
  RETURNING r.id, r.run_id, r.entity, r.stage, r.epoch, r.status, r.code, r.message
), noted AS (
  INSERT INTO drover.tries (record_id, run_id, entity, stage, epoch, status, code, message, worker)
  SELECT id, run_id, entity, stage, epoch, status, code, message, 'conductor' FROM decided WHERE status = 'rejected'
), settled AS (
  UPDATE drover.run_entities e SET merged_at = now() FROM running WHERE e.run_id = running.id AND e.entity = $2 RETURNING 1
)
SELECT EXISTS (SELECT FROM settled) AS settled`;

/** Decides which records survive; returns false, and changes nothing, for a run that is not running. */
export async function decideMerges(pool: pg.Pool, runId: string, entity: string, merge: Merge): Promise<boolean> {
  const status = merge.duplicateAction === 'skip' ? 'skipped' : 'rejected';
  const message = merge.duplicateAction === 'skip' ? 'merged into ' : 'its place is taken by ';
  const rows = await queryPrepared<{ settled: boolean }>(pool, 'merge', decideMergesSql, [
    runId,
    entity,
    merge.byReference ?? null,
    status,
    merge.code,
    message,
  ]);
  return rows[0]?.settled ?? false;
}

const mergedIntoSql = `
SELECT merged_into::text AS id, array_agg(source_id) AS sources FROM drover.records
WHERE merged_into = ANY($1::bigint[]) GROUP BY 1`;

/** Source ids of the records merged into each of these. */
export async function mergedSourceIds(pool: pg.Pool, ids: readonly string[]): Promise<Map<string, string[]>> {
  const rows = await queryPrepared<{ id: string; sources: string[] }>(pool, 'merged_into', mergedIntoSql, [ids]);
  return new Map(rows.map((row) => [row.id, row.sources]));
}
