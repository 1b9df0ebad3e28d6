import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../../db/client.ts';
import { migrateDatabase } from '../../../db/migrate.ts';
import { createProducer } from '../../../queues/producer.ts';
import { connectProducer, createRedisIdentity } from '../../../queues/redis.ts';
import { readConfig } from '../../../src/config.ts';
import type { Control } from '../../../src/contract/control.ts';
import { createLedger } from '../../../src/engine/ledger/ledger.ts';
import { openControl } from '../../../src/engine/open-engine.ts';
import { createRunStore } from '../../../src/engine/runs/store.ts';
import { createLeadership } from '../../../src/engine/scheduler/leader.ts';
import { createScheduler, type Scheduler } from '../../../src/engine/scheduler/scheduler.ts';
import { createLogger } from '../../../src/logger.ts';
import { loadPlans } from '../../../src/plan/registry.ts';
import { createDatabase, type TestDatabase } from '../../helpers/database.ts';
import { operator } from '../../helpers/drover.ts';

// Operators' actions need only PostgreSQL: without Redis no records are dispatched, and everything else works.
const redis = connectProducer('redis://127.0.0.1:1', () => undefined);
const producer = createProducer({ redis, prefix: '{away}', window: () => 100, onError: () => undefined });
let place: TestDatabase;
let database: Database;
let control: Control;
let scheduler: Scheduler;

beforeAll(async () => {
  place = await createDatabase({ template: { name: 'control', migrate: migrateDatabase } });
  database = openDatabase({ url: place.url, applicationName: 'test', onError: () => undefined });
  const plans = await loadPlans();
  control = openControl({ database, target: database, plans, config: readConfig({}) });
  scheduler = createScheduler({
    ...{ database, target: database },
    runs: createRunStore(database),
    ledger: createLedger(database.$client, database.$client),
    dispatcher: producer,
    redis: createRedisIdentity(redis, '{away}'),
    plan: plans.get,
    restoreOverrides: async () => undefined,
    prepareTarget: async () => undefined,
    finishRun: async () => undefined,
    leadership: createLeadership(place.url),
    log: createLogger({ level: 'silent', service: 'test' }),
    ...{ name: 'test', tickMs: 50, sweepAgeMs: 60_000, graceMs: 5_000 },
  });
  scheduler.start();
});

afterAll(async () => {
  await scheduler.stop();
  await producer.close();
  redis.disconnect();
  await database.$client.end();
  await place.drop();
});

const becomes = (id: string, status: string) =>
  expect.poll(async () => (await control.run(id)).status, { timeout: 20_000, interval: 50 }).toBe(status);

test('a run starts, pauses, resumes and is cancelled while Redis is away', async () => {
  const { id } = await control.startRun({ plan: 'bubble', only: ['users'] }, operator);
  await becomes(id, 'running');
  await control.pause(id, 'a test', operator);
  await becomes(id, 'paused');
  await control.resume(id, 'a test', operator);
  await control.cancel(id, 'a test', operator);
  await becomes(id, 'cancelled');
});

test('nothing is dispatched while Redis is away, so the sweep has nothing to recover', async () => {
  const { id } = await control.startRun({ plan: 'bubble', only: ['users'] }, operator);
  await becomes(id, 'running');
  // Every tick that dispatches writes a progress sample first, one a second.
  await expect
    .poll(async () => (await database.$client.query('SELECT FROM drover.samples WHERE run_id = $1', [id])).rowCount, {
      timeout: 20_000,
      interval: 50,
    })
    .toBeGreaterThanOrEqual(2);
  const { rows } = await database.$client.query('SELECT dispatched_at FROM drover.run_entities WHERE run_id = $1', [
    id,
  ]);
  expect(rows).toEqual([{ dispatched_at: null }]);
});
