import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../../db/client.ts';
import { migrateDatabase } from '../../../db/migrate.ts';
import { createLedger } from '../../../src/engine/ledger/ledger.ts';
import { decideMerges } from '../../../src/engine/ledger/merge.ts';
import { claimDueExtractions, claimDueRecords } from '../../../src/engine/scheduler/dispatch.ts';
import { unblock } from '../../../src/engine/scheduler/load-gates.ts';
import { countInFlight, sweep } from '../../../src/engine/scheduler/sweep.ts';
import { createDatabase, type TestDatabase } from '../../helpers/database.ts';

let place: TestDatabase;
let database: Database;
const sql = async (text: string) => (await database.$client.query(text)).rows;

beforeAll(async () => {
  place = await createDatabase({ template: { name: 'control', migrate: migrateDatabase } });
  const onError = () => undefined;
  database = openDatabase({ url: place.url, applicationName: 'test', statementTimeoutMs: 3_000, onError });
  await sql(`INSERT INTO drover.runs (id, plan, version, strategy, dry_run, status, target_schema, batch_size, max_failure_percent,
      skip_existing, export_only, scope, params, stamp, created_by)
    VALUES ('r', 'bubble', '1', 'full', false, 'running', 't', 1, 50, false, false, '{}', '{}', 's', 'test')`);
  await sql(`INSERT INTO drover.run_entities (run_id, entity, position, status, dispatched_at)
    SELECT 'r', 'e' || n, n, 'reading', now() - interval '1 hour' FROM generate_series(1, 3) n`);
  await sql(`INSERT INTO drover.records (run_id, entity, source_id, stage, status, dispatched_at)
    SELECT 'r', 'e1', 's' || n, 'load', 'pending', now() - interval '1 hour' FROM generate_series(1, 3) n`);
});
afterAll(async () => {
  await database.$client.end();
  await place.drop();
});

test('rows locked by a stopped worker delay neither the sweep of the others nor due records', async () => {
  const stopped = await database.$client.connect();
  await stopped.query(`BEGIN;
    UPDATE drover.run_entities SET pages = 1 WHERE entity = 'e1';
    UPDATE drover.records SET code = 'X' WHERE source_id = 's1'`);
  try {
    expect(await sweep(database.$client, 60_000)).toBe(4);
    expect((await claimDueExtractions(database.$client, 'r', [])).map(({ entity }) => entity).sort()).toEqual([
      'e2',
      'e3',
    ]);
    expect(await claimDueRecords(database.$client, 'r', 'e1', 'load', 10)).toHaveLength(2);
  } finally {
    await stopped.query('ROLLBACK');
    stopped.release();
  }
  expect(await sweep(database.$client, 60_000)).toBe(2);
  expect(await claimDueExtractions(database.$client, 'r', [])).toMatchObject([{ entity: 'e1' }]);
});

test('a record under a lease is dispatched when the lease ends, and at once when its holder releases it', async () => {
  const ledger = createLedger(database.$client, database.$client);
  await sql(`INSERT INTO drover.records (run_id, entity, source_id, stage, status)
    SELECT 'r', 'e2', 'l' || n, 'load', 'pending' FROM generate_series(1, 3) n`);
  const due = () => claimDueRecords(database.$client, 'r', 'e2', 'load', 10);
  const [first, second, third] = await due();
  if (!first || !second || !third) throw new Error('three are due');
  await ledger.claim([first, second], 'mine', 60_000);
  await ledger.claim([third], 'soon over', 0);
  await ledger.release([first], 'mine');
  await ledger.release([second]);
  await ledger.release([third]);
  expect((await due()).map(({ id }) => id).sort()).toEqual([first.id, third.id].sort());
  // The dispatched records, the three extractions, and the record that is still leased.
  const dispatched = await sql('SELECT FROM drover.records WHERE dispatched_at IS NOT NULL');
  expect(await countInFlight(database.$client, 'r')).toBe(dispatched.length + 3 + 1);
});

test('a scheduler that resumes after its run was paused changes nothing, and a pause waits for its statement', async () => {
  await sql(`INSERT INTO drover.records (run_id, entity, source_id, stage, status, merge_key, target_id)
    VALUES ('r', 'e3', 'a', 'load', 'pending', 'same', 'x'), ('r', 'e3', 'b', 'load', 'pending', 'same', NULL)`);
  await sql(`INSERT INTO drover.records (run_id, entity, source_id, stage, status, blocked_by)
    SELECT 'r', 'e3', 'child', 'load', 'blocked', id FROM drover.records WHERE source_id = 'a'`);
  await sql(`UPDATE drover.records SET stage = 'reconcile' WHERE source_id = 'a'`);
  const merge = { duplicateAction: 'skip', code: 'MERGED', rule: 'the first' } as const;
  const state = () => sql(`SELECT source_id, status, epoch FROM drover.records WHERE entity = 'e3' ORDER BY 1`);
  const before = await state();
  await sql(`UPDATE drover.runs SET status = 'paused'`);
  expect(await decideMerges(database.$client, 'r', 'e3', merge)).toBe(false);
  expect(await unblock(database.$client, 'r')).toBe(0);
  expect(await state()).toEqual(before);
  expect(await sql(`SELECT merged_at FROM drover.run_entities WHERE entity = 'e3'`)).toEqual([{ merged_at: null }]);
  await sql(`UPDATE drover.runs SET status = 'running'`);
  expect(await decideMerges(database.$client, 'r', 'e3', merge)).toBe(true);
  expect(await unblock(database.$client, 'r')).toBe(1);
  expect((await state()).map(({ status }) => status)).toEqual(['pending', 'skipped', 'pending']);
});

test('a worker that resumes after its run was paused stores no page and counts no lost worker', async () => {
  const ledger = createLedger(database.$client, database.$client);
  await sql(`INSERT INTO drover.run_entities (run_id, entity, position, status) VALUES ('r', 'e4', 4, 'reading')`);
  const [lost] = await sql(`INSERT INTO drover.records (run_id, entity, source_id, stage, status)
    VALUES ('r', 'e4', 'lost', 'load', 'pending') RETURNING id::text AS id, epoch`);
  const record = { sourceId: 'late', raw: {}, fingerprint: 'f' };
  const page = { records: [record], cursor: null, repeated: 0, watermark: null, immutable: false };
  await sql(`UPDATE drover.runs SET status = 'paused'`);
  expect(await ledger.storePage('r', 'e4', 0, page)).toBe(false);
  expect(await ledger.recordLostWorker([lost], 1, 'test', true)).toEqual([]);
  expect(await sql(`SELECT source_id, status, epoch FROM drover.records WHERE entity = 'e4'`)).toEqual([
    { source_id: 'lost', status: 'pending', epoch: 0 },
  ]);
  await sql(`UPDATE drover.runs SET status = 'running'`);
  expect(await ledger.storePage('r', 'e4', 0, page)).toBe(true);
  expect(await sql(`SELECT FROM drover.records WHERE entity = 'e4' AND source_id = 'late'`)).toHaveLength(1);
});
