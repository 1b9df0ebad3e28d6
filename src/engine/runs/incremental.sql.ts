import { sql } from 'drizzle-orm';
import type pg from 'pg';
import type { Queries } from '../../../db/client.ts';
import { queryPrepared } from '../../../db/sql.ts';
import { failureStatuses } from '../../contract/record-status.ts';
import type { UnsettledRecords } from '../ledger/types.ts';

/**
 * Records that failed in earlier runs of the plan into the same schema and that no run has settled since, for a run that is
 * incremental and has a window: its source would not return them, because they did not change. Left out are records that
 * a later run read with a result, entities that a later run read completely, and ids that the source does not have.
 */
const unsettledSql = (runId: string, entity: string | null) => sql`
  SELECT r.entity, r.source_id
  FROM drover.runs me
  JOIN drover.runs old ON old.plan = me.plan AND old.target_schema = me.target_schema
    AND (old.created_at, old.id) < (me.created_at, me.id)
    AND NOT old.dry_run AND NOT old.export_only AND old.rolled_back_at IS NULL
  JOIN drover.records r ON r.run_id = old.id
    AND r.status IN (${sql.join(
      [...failureStatuses].map((status) => sql.raw(`'${status}'`)),
      sql`, `,
    )})
    AND r.code IS DISTINCT FROM 'NOT_IN_SOURCE'
  JOIN drover.run_entities mine ON mine.run_id = me.id AND mine.entity = r.entity
  WHERE me.id = ${runId} AND me.strategy = 'incremental' AND me.scope ? 'since'
    AND (${entity}::text IS NULL OR r.entity = ${entity})
    AND NOT EXISTS (
      SELECT FROM drover.runs later
      WHERE later.plan = me.plan AND later.target_schema = me.target_schema AND later.id <> me.id
        AND (later.created_at, later.id) > (old.created_at, old.id)
        AND NOT later.dry_run AND NOT later.export_only AND later.rolled_back_at IS NULL
        AND (
          EXISTS (SELECT FROM drover.records lr WHERE lr.run_id = later.id AND lr.entity = r.entity
            AND lr.source_id = r.source_id AND lr.status <> 'pending')
          OR later.strategy <> 'selective' AND NOT later.scope ?| ARRAY['since', 'until', 'ids', 'trial']
            AND EXISTS (SELECT FROM drover.run_entities le WHERE le.run_id = later.id AND le.entity = r.entity
              AND le.status = 'done' AND le.error_code IS NULL)
        ))`;

/**
 * Ends an extraction. In an incremental run the records that failed before and are not settled are added in the same
 * statement, to be fetched by their ids: so a corrected user brings its blocked bookings along. A record without an id of
 * its own (`#...`) cannot be fetched. Does nothing when the epoch is not current.
 */
export async function finishExtraction(
  queries: Queries,
  runId: string,
  entity: string,
  epoch: number,
  shortfall: string | null,
): Promise<void> {
  await queries.execute(sql`
    WITH ended AS (
      UPDATE drover.run_entities SET status = 'done', dispatched_at = NULL, error_message = ${shortfall},
        error_code = ${shortfall === null ? null : 'SOURCE_SHORT'}
      WHERE run_id = ${runId} AND entity = ${entity} AND epoch = ${epoch} RETURNING 1
    )
    INSERT INTO drover.records (run_id, entity, source_id, stage, status)
    SELECT ${runId}, u.entity, u.source_id, 'extract', 'pending'
    FROM (${unsettledSql(runId, entity)}) u, ended WHERE strpos(u.source_id, '#') = 0
    ON CONFLICT (run_id, entity, source_id) DO NOTHING`);
}

/** Records that failed before, are not settled, and were not read by this run; see `finishExtraction`. */
export async function countUnread(queries: Queries, runId: string): Promise<readonly UnsettledRecords[]> {
  const { rows } = await queries.execute<{ entity: string; n: number }>(sql`
    SELECT u.entity, count(DISTINCT u.source_id)::int AS n FROM (${unsettledSql(runId, null)}) u
    WHERE NOT EXISTS (SELECT FROM drover.records r
      WHERE r.run_id = ${runId} AND r.entity = u.entity AND r.source_id = u.source_id)
    GROUP BY 1 ORDER BY 1`);
  return rows;
}

const dependentRunSql = `
SELECT o.id FROM drover.runs r JOIN drover.runs o ON o.plan = r.plan AND o.target_schema = r.target_schema
WHERE r.id = $1 AND (o.created_at, o.id) > (r.created_at, r.id) AND o.rolled_back_at IS NULL
  AND o.strategy = 'incremental' AND o.scope ? 'since' AND NOT o.dry_run AND NOT o.export_only
ORDER BY o.created_at DESC, o.id DESC LIMIT 1`;

/** The newest incremental run that read only what changed since this run, and was not rolled back. */
export async function findDependentRun(pool: pg.Pool, runId: string): Promise<string | undefined> {
  const [row] = await queryPrepared<{ id: string }>(pool, undefined, dependentRunSql, [runId]);
  return row?.id;
}
