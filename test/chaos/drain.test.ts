import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareRun } from '../../scripts/bench/migration.ts';
import type { ChaosEnvironment } from './environment.ts';
import { shortTimeouts } from './experiment.ts';
import { openProbe, type Probe } from './probe.ts';
import { openTestEnvironment } from './test-environment.ts';
import { startWorker, type Worker } from './worker-processes.ts';

const records = 200;
// Longer than the test can take: a job lock that expires on a busy machine would look like a worker that died.
const calm = { DROVER_LOCK_DURATION_MS: '600000', DROVER_STALLED_INTERVAL_MS: '300000', DROVER_SWEEP_AGE_MS: '900000' };

let environment: ChaosEnvironment;
let probe: Probe;
let databaseUrl: string;
const workers: Worker[] = [];

beforeAll(async () => {
  environment = await openTestEnvironment('drain');
  databaseUrl = await environment.createDatabase();
  probe = openProbe(databaseUrl);
  await prepareRun(databaseUrl, 'drain', records, 1);
});
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.end('SIGKILL')));
  await probe.close();
  await environment.close();
});

function begin(name: string): Worker {
  const env = {
    ...shortTimeouts,
    ...calm,
    DATABASE_URL: databaseUrl,
    REDIS_URL: environment.redis.url,
    LOG_LEVEL: 'info',
  };
  const worker = startWorker({
    script: ['scripts/bench/worker.ts'],
    env: { ...env, DROVER_REDIS_PREFIX: '{drain}' },
    logFile: join(environment.folder, `${name}.log`),
  });
  workers.push(worker);
  return worker;
}

const count = async (condition: string): Promise<number> => {
  const [row] = await probe.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM drover.records WHERE run_id = 'drain' AND ${condition}`,
  );
  return row?.n ?? 0;
};
const until = (condition: string, n: number) =>
  expect.poll(() => count(condition), { timeout: 120_000, interval: 100 }).toBeGreaterThanOrEqual(n);

/** Locks of the target table: the granted one is the test's, those that wait are the worker's loads. */
const itemLocks = async (granted: boolean): Promise<number> => {
  const [row] = await probe.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM pg_locks WHERE relation = 'drain.items'::regclass AND granted = $1`,
    [granted],
  );
  return row?.n ?? 0;
};

test('a worker that gets SIGTERM while its loads are blocked ends before they do, releases them, and none counts as lost', {
  timeout: 400_000,
}, async () => {
  // Loads wait for this lock until the test releases it, which it does only after the worker has ended.
  const holder = new pg.Client({ connectionString: databaseUrl });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query('LOCK TABLE drain.items IN ACCESS EXCLUSIVE MODE');
  const first = begin('first');
  await first.ready;
  await probe.query(`UPDATE drover.runs SET status = 'running', status_at = now() WHERE id = 'drain'`);
  await until(`stage = 'load' AND dispatched_at IS NOT NULL`, 100);
  await expect.poll(() => itemLocks(false), { timeout: 120_000, interval: 100 }).toBeGreaterThan(0);

  // The loads cannot end while the lock is held: a worker that waited for them would never end.
  expect(await first.end('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(await probe.query(`SELECT count(*)::int AS n FROM drover.workers`)).toEqual([{ n: 0 }]);
  expect(await itemLocks(true)).toBe(1);
  await holder.end();

  const second = begin('second');
  await second.ready;
  // Released jobs are worked on at once. Jobs that were not released would come back when their lock expires or by the
  // sweep, both later than the patience of this test.
  await expect.poll(() => count(`status = 'reconciled'`), { timeout: 120_000, interval: 200 }).toBe(records);
  expect(await probe.query(`SELECT code FROM drover.tries WHERE run_id = 'drain'`)).toEqual([]);
  expect(await count('attempts > 0')).toBe(0);
});
