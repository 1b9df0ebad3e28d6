import type pg from 'pg';
import type { Stage, TroubleStatus } from '../../src/engine/record-status.ts';
import type { FailureGroupRow, FailureRow } from '../../src/engine/reports/ports.ts';
import { prepared, type Row } from '../sql.ts';
import { readPages } from './pages.ts';

const failuresPageSize = 2_000;

// One pass; examples are the first five of each group and not an array of all of them.
const failureGroupsSql = `
WITH troubled AS (
  SELECT * FROM drover.records WHERE run_id = $1 AND status IN ('failed', 'rejected', 'blocked', 'mismatched')
), grouped AS (
  SELECT entity, stage, status, code, field, count(*)::int AS count,
    coalesce(min(message) FILTER (WHERE n = 1), '') AS message,
    array_agg(source_id ORDER BY n) FILTER (WHERE n <= 5) AS examples
  FROM (
    SELECT *, row_number() OVER (PARTITION BY entity, stage, status, code, field ORDER BY source_id) AS n FROM troubled
  ) r
  GROUP BY entity, stage, status, code, field
), worth AS (
  SELECT entity, stage, status, code, field,
    json_agg(json_build_object('currency', currency, 'minor', minor) ORDER BY currency) AS sums
  FROM (
    SELECT entity, stage, status, code, field, currency, sum(amount)::text AS minor FROM troubled
    WHERE amount IS NOT NULL GROUP BY entity, stage, status, code, field, currency
  ) s
  GROUP BY entity, stage, status, code, field
)
SELECT g.entity, g.stage, g.status, coalesce(g.code, upper(g.status)) AS code, g.field, g.count, g.message, g.examples,
  coalesce(w.sums, '[]') AS sums
FROM grouped g LEFT JOIN worth w ON w.entity = g.entity AND w.stage = g.stage AND w.status = g.status
  AND w.code IS NOT DISTINCT FROM g.code AND w.field IS NOT DISTINCT FROM g.field
ORDER BY g.count DESC, g.entity, g.stage, g.status, g.code, g.field`;

/** Troubled records by entity, stage, status, code and field; the largest group first. */
export function readFailureGroups(pool: pg.Pool, runId: string): Promise<FailureGroupRow[]> {
  return prepared<FailureGroupRow & Row>(pool, undefined, failureGroupsSql, [runId]);
}

const failuresPageSql = `
SELECT entity, source_id, stage, status, coalesce(code, upper(status)) AS code, field, coalesce(message, '') AS message,
  attempts, updated_at
FROM drover.records
WHERE run_id = $1 AND entity = $2 AND status IN ('failed', 'rejected', 'blocked', 'mismatched') AND source_id > $3
ORDER BY source_id LIMIT $4`;

const entitiesSql = 'SELECT entity FROM drover.run_entities WHERE run_id = $1 ORDER BY position';

interface FailureRecord extends Row {
  readonly entity: string;
  readonly source_id: string;
  readonly stage: Stage;
  readonly status: TroubleStatus;
  readonly code: string;
  readonly field: string | null;
  readonly message: string;
  readonly attempts: number;
  readonly updated_at: Date;
}

/** Every troubled record, by entity in the order of loading. */
export async function* readFailures(pool: pg.Pool, runId: string): AsyncGenerator<FailureRow[]> {
  for (const { entity } of await prepared<{ entity: string }>(pool, undefined, entitiesSql, [runId])) {
    const next = (last: FailureRecord) => [runId, entity, last.source_id];
    for await (const rows of readPages<FailureRecord>(
      pool,
      failuresPageSql,
      [runId, entity, ''],
      next,
      failuresPageSize,
    )) {
      yield rows.map(({ source_id, updated_at, ...row }) => ({ ...row, sourceId: source_id, at: updated_at }));
    }
  }
}
