import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../../db/client.ts';
import { migrateDatabase } from '../../../db/migrate.ts';
import { createWorkerStore, type WorkerBeat } from '../../../db/stores/fleet.ts';
import { readRunUsage } from '../../../src/engine/reports/store.ts';
import { createDatabase, type TestDatabase } from '../../helpers/database.ts';

let place: TestDatabase;
let database: Database;

beforeAll(async () => {
  place = await createDatabase({ template: { name: 'control', migrate: migrateDatabase } });
  database = openDatabase({ url: place.url, applicationName: 'test', onError: () => undefined });
});
afterAll(async () => {
  await database.$client.end();
  await place.drop();
});
beforeEach(() => sql('TRUNCATE drover.runs, drover.workers, drover.run_usage, drover.run_traffic'));

const sql = (text: string, ...values: unknown[]) => database.$client.query(text, values);

/** A run that came into its status so many seconds ago. */
async function run(id: string, status: string, secondsAgo: number): Promise<void> {
  await sql(
    `INSERT INTO drover.runs (id, plan, version, strategy, dry_run, status, target_schema, batch_size, max_failure_percent,
      skip_existing, export_only, scope, params, stamp, created_by, started_at, status_at)
    VALUES ($1, $1, '1', 'full', true, $2, 's', 1, 50, false, false, '{}', '{}', 't', 'me',
      now() - $3 * interval '1 second', now() - $3 * interval '1 second')`,
    id,
    status,
    secondsAgo,
  );
}

const bubble = (requests: number, failed = 0) => ({
  bubble: { requests, failed, sentBytes: requests * 10, receivedBytes: requests * 100 },
});
function beat(id: string, changes: Partial<WorkerBeat>): Promise<void> {
  const base = { host: 'h', pid: 1, queues: ['load'], concurrency: 1, rssMb: 50, loopLagMs: 0, done: 0 };
  return createWorkerStore(database).beat({ id, ...base, ...changes });
}
/** Makes the last heartbeat older, as if time had passed. */
const age = (id: string, seconds: number) =>
  sql(`UPDATE drover.workers SET seen_at = now() - $2 * interval '1 second' WHERE id = $1`, id, seconds);
const usage = (id: string) => readRunUsage(database.$client, id);

test('usage between two heartbeats is added to the runs that were running, for every worker', async () => {
  await beat('w1', { cpuMs: 1_000, traffic: bubble(5) });
  await run('a', 'running', 60);
  await age('w1', 2);
  await beat('w1', { cpuMs: 1_400, traffic: bubble(8, 1), rssMb: 90 });
  await age('w1', 2);
  await beat('w1', { cpuMs: 1_500, traffic: bubble(8, 1), rssMb: 70 });
  await beat('w2', { cpuMs: 300, traffic: { ...bubble(1), stripe: bubble(2).bubble } });
  const { workers, traffic } = await usage('a');
  expect(workers).toMatchObject([
    { worker: 'w1', cpuMs: 500, peakRssMb: 90 },
    { worker: 'w2', cpuMs: 300, peakRssMb: 50, observedMs: 0 },
  ]);
  expect(Math.abs((workers[0]?.observedMs ?? 0) - 4_000)).toBeLessThan(1_000);
  expect(traffic).toEqual([
    { upstream: 'bubble', requests: 4, failed: 1, sentBytes: 40, receivedBytes: 400 },
    { upstream: 'stripe', requests: 2, failed: 0, sentBytes: 20, receivedBytes: 200 },
  ]);
});

test('a heartbeat that is sent twice adds nothing, and the usage of a killed worker stays', async () => {
  await run('a', 'running', 60);
  await beat('w1', { cpuMs: 0 });
  for (let n = 0; n < 3; n += 1) await beat('w1', { cpuMs: 700, traffic: bubble(3) });
  await createWorkerStore(database).remove('w1');
  expect(await usage('a')).toMatchObject({ workers: [{ cpuMs: 700 }], traffic: [{ requests: 3 }] });
});

test('totals that fell are those of a new process under an old name', async () => {
  await run('a', 'running', 60);
  await beat('w1', { cpuMs: 9_000, traffic: bubble(90) });
  await beat('w1', { cpuMs: 200, traffic: bubble(2) });
  expect(await usage('a')).toMatchObject({ workers: [{ cpuMs: 9_200 }], traffic: [{ requests: 92 }] });
});

test('a paused run uses nothing; a stopped one has its usage until then', async () => {
  await run('paused', 'paused', 60);
  await run('waiting', 'pending', 60);
  await run('done', 'completed', 1);
  await run('stopped', 'failed', 1);
  await beat('w1', { cpuMs: 100 });
  await age('w1', 3);
  await beat('w1', { cpuMs: 400 });
  for (const id of ['paused', 'waiting', 'done']) expect((await usage(id)).workers).toEqual([]);
  const [only] = (await usage('stopped')).workers;
  expect(only).toMatchObject({ cpuMs: 300 });
  expect(Math.abs((only?.observedMs ?? 0) - 2_000)).toBeLessThan(1_000);
});

test('concurrent runs are named', async () => {
  await run('a', 'running', 60);
  await run('b', 'running', 30);
  await run('c', 'completed', 50);
  await sql(
    `UPDATE drover.runs SET started_at = now() - interval '90 s', finished_at = now() - interval '70 s' WHERE id = 'c'`,
  );
  expect((await usage('a')).alongside).toEqual(['b']);
  expect((await usage('c')).alongside).toEqual([]);
});

test('usage is complete when every worker that is alive has reported since', async () => {
  const workers = createWorkerStore(database);
  await Promise.all([beat('w1', {}), beat('w2', {}), beat('dead', {})]);
  await age('dead', 60);
  const asked = await workers.now();
  await beat('w1', {});
  expect(await workers.haveAllReportedSince(asked)).toBe(false);
  await beat('w2', {});
  expect(await workers.haveAllReportedSince(asked)).toBe(true);
});
