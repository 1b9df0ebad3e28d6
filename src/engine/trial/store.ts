import type pg from 'pg';
import { queryPrepared, type Row, transaction } from '../../../db/sql.ts';
import { identifier, qualified } from '../../plan/sql.ts';
import type { Run } from '../ledger/types.ts';
import { identityScope } from '../runs/context.ts';
import { notJudgedCode, type TrialCount, targetSchemaOfTrial } from './trial.ts';

const existingTablesSql =
  'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = $1 AND table_name = ANY($2)';

/**
 * Creates the trial's schema with copies of the target's tables, with constraints and defaults, so that a trial finds what the
 * target would refuse. Foreign keys and triggers are not copied: they would refer to tables outside the trial's schema.
 */
export async function createTrialTables(pool: pg.Pool, run: Run, tables: readonly string[]): Promise<void> {
  const tried = targetSchemaOfTrial(run);
  if (tried === undefined) return;
  const found = await queryPrepared<{ name: string } & Row>(pool, undefined, existingTablesSql, [tried, tables]);
  await queryPrepared(pool, undefined, `CREATE SCHEMA IF NOT EXISTS ${identifier(run.targetSchema)}`, []);
  for (const { name } of found) {
    const copy = `CREATE TABLE IF NOT EXISTS ${qualified(run.targetSchema, name)} (LIKE ${qualified(tried, name)} INCLUDING ALL)`;
    await queryPrepared(pool, undefined, copy, []);
  }
}

/** Drops a trial's schema and its bookkeeping; returns how many rows it had. Does nothing for a run that is not a trial. */
export async function dropTrialSchema(pool: pg.Pool, run: Run, dryRun: boolean): Promise<number> {
  if (targetSchemaOfTrial(run) === undefined) return 0;
  const scope = identityScope(run.plan, run.targetSchema);
  return transaction(pool, async (client) => {
    const text = `SELECT count(*)::int AS n FROM drover.changes WHERE run_id = $1 AND operation <> 'alias'`;
    const [written] = await queryPrepared<{ n: number }>(client, undefined, text, [run.id]);
    if (dryRun) return written?.n ?? 0;
    await client.query(`DROP SCHEMA IF EXISTS ${identifier(run.targetSchema)} CASCADE`);
    await client.query('DELETE FROM drover.identities WHERE scope = $1', [scope]);
    await client.query('DELETE FROM drover.changes WHERE run_id = $1', [run.id]);
    return written?.n ?? 0;
  });
}

// Orphans of a trial are not counted: their parents may only have been left out. Neither are blocked records, nor those whose
// plan says that others are missing.
const trialCountsSql = `
SELECT entity, count(*) FILTER (WHERE NOT lacks)::int AS judged, count(*) FILTER (WHERE lacks)::int AS unjudged,
  count(*) FILTER (WHERE status = 'rejected' AND NOT lacks)::int AS rejected
FROM (SELECT entity, status, status = 'blocked' OR (status = 'rejected' AND code IN ('ORPHAN', 'PARENT_NOT_LOADED'))
    OR (status = 'skipped' AND code = '${notJudgedCode}') AS lacks
  FROM drover.records WHERE run_id = $1 AND status <> 'pending') r
GROUP BY entity`;

/** How a trial went, by entity; a trial has few records. */
export function readTrialCounts(pool: pg.Pool, runId: string): Promise<readonly TrialCount[]> {
  return queryPrepared<TrialCount & Row>(pool, undefined, trialCountsSql, [runId]);
}
