import type pg from 'pg';
import type { Stage, TroubleStatus } from '../../src/engine/record-status.ts';
import type { TroubleGroup, TroubleRow } from '../../src/engine/reports/ports.ts';
import { prepared, type Row } from '../sql.ts';
import { pagesOf } from './pages.ts';

const pageSize = 2_000;

// One pass; examples are the first five of each group and not an array of all of them.
const groups = `
SELECT entity, stage, status, coalesce(code, upper(status)) AS code, field, count(*)::int AS count,
  coalesce(min(message) FILTER (WHERE n = 1), '') AS message,
  array_agg(source_id ORDER BY n) FILTER (WHERE n <= 5) AS examples
FROM (
  SELECT *, row_number() OVER (PARTITION BY entity, stage, status, code, field ORDER BY source_id) AS n
  FROM drover.records WHERE run_id = $1 AND status IN ('failed', 'rejected', 'blocked', 'mismatched')
) r
GROUP BY entity, stage, status, code, field
ORDER BY count(*) DESC, entity, stage, status, code, field`;

/** Troubled records by entity, stage, status, code and field; the largest group first. */
export function troubleGroups(pool: pg.Pool, runId: string): Promise<TroubleGroup[]> {
  return prepared<TroubleGroup & Row>(pool, undefined, groups, [runId]);
}

const one = `
SELECT entity, source_id, stage, status, coalesce(code, upper(status)) AS code, field, coalesce(message, '') AS message,
  attempts, updated_at
FROM drover.records
WHERE run_id = $1 AND entity = $2 AND status IN ('failed', 'rejected', 'blocked', 'mismatched') AND source_id > $3
ORDER BY source_id LIMIT $4`;

const entities = 'SELECT entity FROM drover.run_entities WHERE run_id = $1 ORDER BY position';

interface TroubleRecord extends Row {
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
export async function* troubles(pool: pg.Pool, runId: string): AsyncGenerator<TroubleRow[]> {
  for (const { entity } of await prepared<{ entity: string }>(pool, undefined, entities, [runId])) {
    const next = (last: TroubleRecord) => [runId, entity, last.source_id];
    for await (const rows of pagesOf<TroubleRecord>(pool, one, [runId, entity, ''], next, pageSize)) {
      yield rows.map(({ source_id, updated_at, ...row }) => ({ ...row, sourceId: source_id, at: updated_at }));
    }
  }
}
