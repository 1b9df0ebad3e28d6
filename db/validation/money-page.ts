import type pg from 'pg';
import type { MoneyGroup, MoneyPage } from '../../src/engine/validation/ports.ts';
import { prepared } from '../sql.ts';

/**
 * Amounts of a page of records. Those that should be in the target are named for the target's database: `s` source id,
 * `t` target id where the record has no identity, `a` minor units, `c` currency, `u` status. A record sent back to the
 * beginning is on its way again and counts as not loaded, although its old row may still be there.
 */
const moneyPageSql = `
WITH page AS (
  SELECT r.source_id, r.amount, coalesce(r.currency, '') AS currency, coalesce(r.amount_status, '') AS amount_status,
    r.code, r.target_id, (r.target_id IS NOT NULL AND r.merged_into IS NULL AND (
      (r.stage = 'reconcile' AND r.status <> 'skipped')
      OR (r.status = 'skipped' AND r.code IN ('UNCHANGED', 'EXISTS')))) AS landed
  FROM drover.records r
  WHERE r.run_id = $1 AND r.entity = $2 AND r.source_id > $3
  ORDER BY r.source_id LIMIT $4
), money AS (
  SELECT * FROM page WHERE amount IS NOT NULL
), groups AS (
  SELECT currency, amount_status AS status, sum(amount)::text AS source,
    coalesce(sum(amount) FILTER (WHERE NOT landed), 0)::text AS unloaded
  FROM money GROUP BY 1, 2
), landed AS (
  SELECT source_id AS s, CASE WHEN code = 'EXISTS' THEN target_id END AS t, amount::text AS a, currency AS c,
    amount_status AS u
  FROM money WHERE landed
)
SELECT (SELECT json_agg(groups) FROM groups) AS groups, (SELECT json_agg(landed) FROM landed)::text AS records,
  (SELECT count(*)::int FROM landed) AS count,
  (SELECT source_id FROM page ORDER BY source_id OFFSET $4 - 1) AS next`;

interface MoneyPageRow extends Record<string, unknown> {
  readonly groups: MoneyGroup[] | null;
  readonly records: string | null;
  readonly count: number;
  readonly next: string | null;
}

export async function readMoneyPage(
  pool: pg.Pool,
  runId: string,
  entity: string,
  after: string,
  limit: number,
): Promise<MoneyPage> {
  const [row] = await prepared<MoneyPageRow>(pool, undefined, moneyPageSql, [runId, entity, after, limit]);
  return {
    groups: row?.groups ?? [],
    records: row?.records ?? '[]',
    count: row?.count ?? 0,
    next: row?.next ?? null,
  };
}

const withoutAmountSql = `
SELECT count(*)::int AS n FROM drover.records
WHERE run_id = $1 AND entity = $2 AND amount IS NULL AND status <> 'pending'`;

/** Records that are in no sum: their amount could not be read, or they were left out before it was. */
export async function countWithoutAmount(pool: pg.Pool, runId: string, entity: string): Promise<number> {
  const rows = await prepared<{ n: number }>(pool, undefined, withoutAmountSql, [runId, entity]);
  return rows[0]?.n ?? 0;
}
