import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrateDatabase } from '../../db/migrate.ts';
import { prepareRun } from '../../scripts/bench/migration.ts';
import { benchPlan } from '../../scripts/bench/plan.ts';
import { readConfig } from '../../src/config.ts';
import { createLogger } from '../../src/logger.ts';
import { createRegistry } from '../../src/plan/registry.ts';
import { startWorkerProcess, type WorkerProcess } from '../../workers/runtime.ts';
import { createDatabase, type TestDatabase } from '../helpers/database.ts';
import { createRedisSpace } from '../helpers/redis.ts';
import { corruptAndRepair, corruptedRunId } from './mismatch.ts';
import { openProbe, type Probe } from './probe.ts';

const records = 2_000;
const redis = createRedisSpace();
let place: TestDatabase;
let probe: Probe;
let worker: WorkerProcess;
let folder: string;

beforeAll(async () => {
  place = await createDatabase({ template: { name: 'control', migrate: migrateDatabase } });
  folder = await mkdtemp(join(tmpdir(), 'drover-mismatch-'));
  probe = openProbe(place.url);
  await prepareRun(place.url, corruptedRunId, records, 10);
  const config = readConfig({
    DROVER_REDIS_PREFIX: redis.prefix,
    DROVER_TICK_MS: '50',
    MIGRATION_EXPORT_DIR: folder,
    MIGRATION_REPORT_DIR: folder,
  });
  worker = await startWorkerProcess({
    ...{ config, databaseUrl: place.url, redisUrl: redis.url, plans: createRegistry([benchPlan]) },
    logger: createLogger({ level: 'silent', service: 'test' }),
    queues: ['extract', 'transform', 'load', 'reconcile'],
    concurrency: 20,
  });
  // Let go with batches that size themselves: this is also their way through a real worker.
  await probe.query(`UPDATE drover.runs SET status = 'running', batch_tuning = '{}' WHERE id = $1`, [corruptedRunId]);
});
afterAll(async () => {
  await worker.stop();
  await probe.close();
  await redis.drop();
  await place.drop();
  await rm(folder, { recursive: true, force: true });
});

test('a changed cell, a deleted row and a duplicate row are reported, repaired, and stay repaired', {
  timeout: 400_000,
}, async () => {
  const { found, mended, validation } = await corruptAndRepair(place.url, probe);
  expect(found.differing).toEqual(['b1018: mismatched TARGET_ROW_MISSING', 'b17: mismatched TARGET_DIFFERS name']);
  expect(found.doubled).toEqual([expect.stringMatching(/^b1999: the row .*dead holds the same/)]);
  console.log(
    `${found.records} records compared in ${found.seconds} s: ${[...found.differing, ...found.doubled].join('; ')}`,
  );
  expect(mended).toMatchObject({ records, differing: [], doubled: [] });
  expect(validation).toBe('green');
});

test('automatic batch sizes grow during a run and are readable by every worker', async () => {
  const [row] = await probe.query<{ tuning: Record<string, { size: number }> }>(
    'SELECT batch_tuning AS tuning FROM drover.runs WHERE id = $1',
    [corruptedRunId],
  );
  expect(row?.tuning.reconcile?.size).toBeGreaterThan(10);
  expect(row?.tuning.reconcile?.size).toBeLessThanOrEqual(500);
});
