import type pg from 'pg';
import type { ExpectedRowsPage } from '../../src/engine/validation/ports.ts';
import { prepared } from '../sql.ts';

/**
 * Records of which the target should hold a row, as JSON text for the target's database: `s` the source id, `t` the
 * target id where no identity of the record's own is promised (a row that was there before and was left alone, or the
 * row of the record it was merged into).
 */
const expectedRowsSql = `
WITH page AS (
  SELECT r.source_id, r.status, r.code, coalesce(r.target_id, m.target_id) AS target_id
  FROM drover.records r LEFT JOIN drover.records m ON m.id = r.merged_into
  WHERE r.run_id = $1 AND r.entity = $2 AND r.source_id > $3
  ORDER BY r.source_id LIMIT $4
), landed AS (
  SELECT source_id AS s, CASE WHEN status = 'skipped' AND code <> 'UNCHANGED' THEN target_id END AS t FROM page
  WHERE status = 'reconciled'
    OR (status = 'skipped' AND target_id IS NOT NULL AND code NOT IN ('WOULD_INSERT', 'WOULD_UPDATE'))
)
SELECT (SELECT json_agg(landed) FROM landed)::text AS records, (SELECT count(*)::int FROM landed) AS count,
  (SELECT source_id FROM page ORDER BY source_id OFFSET $4 - 1) AS next`;

interface ExpectedRowsPageRow extends Record<string, unknown> {
  readonly records: string | null;
  readonly count: number;
  readonly next: string | null;
}

export async function readExpectedRows(
  pool: pg.Pool,
  runId: string,
  entity: string,
  after: string,
  limit: number,
): Promise<ExpectedRowsPage> {
  const [row] = await prepared<ExpectedRowsPageRow>(pool, undefined, expectedRowsSql, [runId, entity, after, limit]);
  return { records: row?.records ?? '[]', count: row?.count ?? 0, next: row?.next ?? null };
}
