import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { prepareRun } from '../../scripts/bench/migration.ts';
import type { ChaosEnvironment } from './environment.ts';
import { shortTimeouts } from './experiment.ts';
import { openProbe, type Probe } from './probe.ts';
import { openTestEnvironment } from './test-environment.ts';
import { type Fleet, startFleet } from './worker-processes.ts';

let environment: ChaosEnvironment;
let probe: Probe;
let fleet: Fleet;

beforeAll(async () => {
  environment = await openTestEnvironment('poison');
});
afterEach(async () => {
  await fleet.stop();
  await probe.close();
});
afterAll(() => environment.close());

const records = 400;

/** A fleet that restarts dead workers, over a run with one record that kills every worker that transforms it. */
async function begin(batchSize: number): Promise<void> {
  const databaseUrl = await environment.createDatabase();
  probe = openProbe(databaseUrl);
  await prepareRun(databaseUrl, 'poison', records, batchSize);
  await probe.query(
    `UPDATE drover.payloads SET raw = jsonb_set(raw, '{name}', '"poison"') WHERE record_id =
       (SELECT id FROM drover.records WHERE source_id = 'b200')`,
  );
  const env = { ...shortTimeouts, DATABASE_URL: databaseUrl, REDIS_URL: environment.redis.url, LOG_LEVEL: 'info' };
  fleet = startFleet(2, {
    script: ['test/chaos/poison-worker.ts'],
    env: { ...env, DROVER_MAX_ATTEMPTS: '4', DROVER_REDIS_PREFIX: `{poison-${batchSize}}` },
    logFile: join(environment.folder, `poison-${batchSize}.log`),
  });
  await probe.query(`UPDATE drover.runs SET status = 'running', status_at = now() WHERE id = 'poison'`);
}

test.each([1, 50])(
  'a record that kills its worker fails by itself, in batches of %i',
  { timeout: 400_000 },
  async (batchSize) => {
    await begin(batchSize);
    for (;;) {
      const [left] = await probe.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM drover.records WHERE run_id = 'poison' AND status = 'pending'`,
      );
      if (left?.n === 0) break;
      await sleep(200);
    }
    const ends = await probe.query(
      `SELECT status, code, count(*)::int AS n, min(source_id) AS example FROM drover.records WHERE run_id = 'poison'
     GROUP BY 1, 2 ORDER BY 1`,
    );
    expect(ends).toEqual([
      { status: 'failed', code: 'WORKER_LOST', n: 1, example: 'b200' },
      { status: 'reconciled', code: null, n: records - 1, example: 'b0' },
    ]);
    console.log(`poison in batches of ${batchSize}: ${fleet.deaths.length} workers died of it`);
  },
);
