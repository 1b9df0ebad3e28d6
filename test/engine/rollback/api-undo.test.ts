import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../../db/client.ts';
import { migrateDatabase } from '../../../db/migrate.ts';
import { createEffectStore } from '../../../src/engine/api-effects/store.ts';
import { fingerprint } from '../../../src/engine/ledger/hashes.ts';
import type { Run } from '../../../src/engine/ledger/types.ts';
import { undoApis } from '../../../src/engine/rollback/api-undo.ts';
import type { ApiPort, UndoResult } from '../../../src/plan/api-target.ts';
import { createDatabase, type TestDatabase } from '../../helpers/database.ts';
import { shop } from '../../helpers/shop-harness.ts';

const plan = { ...shop, entities: { customers: { ...shop.entities.customers, api: { open: () => ({}) as ApiPort } } } };
const runOf = (id: string) => ({ id, plan: 'shop', targetSchema: 'shop' }) as Run;

let created: TestDatabase;
let database: Database;
beforeAll(async () => {
  created = await createDatabase({ template: { name: 'control', migrate: migrateDatabase } });
  database = openDatabase({ url: created.url, applicationName: 'test', onError: () => undefined });
  for (const [id, age] of [
    ['older', 2],
    ['newer', 1],
    ['elsewhere', 1],
  ]) {
    await sql(
      `INSERT INTO drover.runs (id, plan, version, strategy, status, target_schema, batch_size, stamp, created_by, created_at,
         dry_run, skip_existing, export_only, max_failure_percent, scope, params)
       VALUES ($1, 'shop', '1', 'full', 'completed', CASE $1 WHEN 'elsewhere' THEN 'elsewhere' ELSE 'shop' END, 1, $1, 'test',
         now() - $2 * interval '1 hour', false, false, false, 50, '{}', '{}')`,
      [id, age],
    );
    await sql(
      `INSERT INTO drover.before_images (run_id, entity, source_id, kind, object_id, operation, before, hash, after)
       VALUES ($1, 'customers', '1', 'product', 'prod_1', 'update', '{"name": "A"}', $2, '{"name": "B"}')`,
      [id, fingerprint({ name: 'A' })],
    );
  }
});
afterAll(async () => {
  await database.$client.end();
  await created.drop();
});
const sql = async (text: string, values: unknown[] = []) => (await database.$client.query(text, values)).rows;

async function conflictsOf(id: string, answer: UndoResult) {
  const apis = () => ({ undo: async () => [answer] }) as unknown as ApiPort;
  const deps = { effects: createEffectStore(database.$client), apis };
  return (await undoApis(deps, runOf(id), plan, { dryRun: false })).conflicts.map(({ detail }) => detail);
}

test('an object that a newer run changed names that run; without one, or at a limit of the API, the API’s own reason', async () => {
  const changed: UndoResult = { kind: 'conflict', detail: 'name was changed since by someone else', final: false };
  expect(await conflictsOf('older', changed)).toEqual(['run newer has written it since: roll that one back first']);
  expect(await conflictsOf('newer', changed)).toEqual([changed.detail]);
  expect(await conflictsOf('elsewhere', changed)).toEqual([changed.detail]);
  const limit: UndoResult = { kind: 'conflict', detail: 'a default price cannot be archived', final: true };
  expect(await conflictsOf('older', limit)).toEqual([limit.detail]);
});
