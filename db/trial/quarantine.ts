import type pg from 'pg';
import { identityScope } from '../../src/engine/identity-scope.ts';
import type { Run } from '../../src/engine/ports.ts';
import { targetSchemaOfTrial } from '../../src/engine/trial/quarantine.ts';
import { identifier, qualified } from '../../src/plan/sql.ts';
import { prepared, type Row, transaction } from '../sql.ts';

const existingTablesSql =
  'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = $1 AND table_name = ANY($2)';

/**
 * Makes the trial's schema with the tables the target really has, their constraints and defaults, so that a trial finds
 * what the target would refuse. Foreign keys and triggers are not copied: they would reach out of the quarantine.
 */
export async function createTrialTables(pool: pg.Pool, run: Run, tables: readonly string[]): Promise<void> {
  const tried = targetSchemaOfTrial(run);
  if (tried === undefined) return;
  const found = await prepared<{ name: string } & Row>(pool, undefined, existingTablesSql, [tried, tables]);
  await prepared(pool, undefined, `CREATE SCHEMA IF NOT EXISTS ${identifier(run.targetSchema)}`, []);
  for (const { name } of found) {
    const copy = `CREATE TABLE IF NOT EXISTS ${qualified(run.targetSchema, name)} (LIKE ${qualified(tried, name)} INCLUDING ALL)`;
    await prepared(pool, undefined, copy, []);
  }
}

/** Drops a trial's schema and what is known of its rows; answers how many those were. Nothing of a run that is no trial. */
export async function dropTrialSchema(pool: pg.Pool, run: Run, dryRun: boolean): Promise<number> {
  if (targetSchemaOfTrial(run) === undefined) return 0;
  const scope = identityScope(run.plan, run.targetSchema);
  return transaction(pool, async (client) => {
    const text = `SELECT count(*)::int AS n FROM drover.changes WHERE run_id = $1 AND operation <> 'alias'`;
    const [written] = await prepared<{ n: number }>(client, undefined, text, [run.id]);
    if (dryRun) return written?.n ?? 0;
    await client.query(`DROP SCHEMA IF EXISTS ${identifier(run.targetSchema)} CASCADE`);
    await client.query('DELETE FROM drover.identities WHERE scope = $1', [scope]);
    await client.query('DELETE FROM drover.changes WHERE run_id = $1', [run.id]);
    return written?.n ?? 0;
  });
}
