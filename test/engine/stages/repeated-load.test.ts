import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrateDatabase } from '../../../db/migrate.ts';
import { createSqlPort } from '../../../db/sql.ts';
import { benchPlan, benchRecord } from '../../../scripts/bench/plan.ts';
import { rowHash } from '../../../src/engine/ledger/hashes.ts';
import { targetScope } from '../../../src/engine/runs/context.ts';
import type { Entity } from '../../../src/plan/contract.ts';
import { createPostgresTarget } from '../../../src/targets/postgres/index.ts';
import { createDatabase, type TestDatabase } from '../../helpers/database.ts';

const sourceId = 'b1';
const definition = benchPlan.entities.items as Entity;
let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createDatabase({ template: { name: 'control', migrate: migrateDatabase } });
  pool = new pg.Pool({ connectionString: database.url, max: 1 });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** Loads one record in a run, repeatedly, as after the loss of a worker. */
async function load(runId: string, skipExisting = false): Promise<string | undefined> {
  const target = createPostgresTarget(createSqlPort(pool));
  await target.prepare(benchPlan, ['items'], 'bench');
  const outcome = definition.transform(benchRecord(1), { sourceId, params: {} });
  if (outcome.kind !== 'row') throw new Error('the bench record makes no row');
  const targetId = '00000000-0000-4000-8000-000000000001';
  const row = { sourceId, targetId, row: outcome.row, hash: rowHash(definition, outcome.row) };
  const scope = targetScope({ id: runId, targetSchema: 'bench' }, benchPlan, 'items');
  const [result] = await target.load(scope, [row], { dryRun: false, skipExisting });
  return result?.kind;
}

test('a repeated load of a row written by the same run goes on to be reconciled', async () => {
  expect(await load('r1', true)).toBe('inserted');
  expect(await load('r1', true)).toBe('updated');
  expect(await load('r1')).toBe('updated');
});

test('a row written by an earlier run is found unchanged, or skipped', async () => {
  expect(await load('r2')).toBe('unchanged');
  expect(await load('r3', true)).toMatch(/^(unchanged|exists)$/);
});
