import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrateDatabase } from '../../db/migrate.ts';
import { prepareRun } from '../../scripts/bench/migration.ts';
import { benchPlan } from '../../scripts/bench/plan.ts';
import { readConfig } from '../../src/config.ts';
import { createLogger } from '../../src/logger.ts';
import { createRegistry } from '../../src/plan/registry.ts';
import { startWorkerProcess, type WorkerProcess } from '../../workers/runtime.ts';
import { openProbe, type Probe } from '../chaos/probe.ts';
import { createDatabase, type TestDatabase } from '../helpers/database.ts';
import { createRedisSpace } from '../helpers/redis.ts';

const space = createRedisSpace();
const user = `drover-${randomBytes(4).toString('hex')}`;
const password = randomBytes(16).toString('hex');
let admin: Redis;
let restricted: Redis;
let place: TestDatabase;
let probe: Probe;
let worker: WorkerProcess;
let folder: string;

beforeAll(async () => {
  admin = new Redis(space.url);
  await admin.call('ACL', 'SETUSER', user, 'on', `>${password}`, `~${space.prefix}*`, ...(await documentedRules()));
  const url = new URL(space.url);
  url.username = user;
  url.password = password;
  restricted = new Redis(url.href, { enableReadyCheck: false });
  place = await createDatabase({ template: { name: 'control', migrate: migrateDatabase } });
  probe = openProbe(place.url);
  folder = await mkdtemp(join(tmpdir(), 'drover-acl-'));
  const paths = { MIGRATION_EXPORT_DIR: folder, MIGRATION_REPORT_DIR: folder };
  worker = await startWorkerProcess({
    config: readConfig({ DROVER_REDIS_PREFIX: space.prefix, DROVER_TICK_MS: '50', ...paths }),
    ...{ databaseUrl: place.url, redisUrl: url.href, plans: createRegistry([benchPlan]) },
    logger: createLogger({ level: 'silent', service: 'test' }),
    queues: ['extract', 'transform', 'load', 'reconcile'],
    concurrency: 10,
  });
});
afterAll(async () => {
  await worker.stop();
  await probe.close();
  restricted.disconnect();
  await admin.call('ACL', 'DELUSER', user);
  admin.disconnect();
  await space.drop();
  await place.drop();
  await rm(folder, { recursive: true, force: true });
});

/** The rules of docs/security.md, so that the test uses the documented recommendation. */
async function documentedRules(): Promise<string[]> {
  const text = await readFile(new URL('../../docs/security.md', import.meta.url), 'utf8');
  const rules = /ACL SETUSER drover on >\S+ ~\{drover\}\* (.+)/.exec(text)?.[1];
  if (!rules) throw new Error('docs/security.md gives no rules for the user of Redis');
  return rules.trim().split(' ');
}

test('a fleet works with a Redis user that has only the documented permissions', { timeout: 60_000 }, async () => {
  await prepareRun(place.url, 'acl', 200, 1);
  await probe.query(`UPDATE drover.runs SET status = 'running' WHERE id = 'acl'`);
  const status = async () =>
    (await probe.query<{ status: string }>(`SELECT status FROM drover.runs WHERE id = 'acl'`))[0]?.status;
  while ((await status()) === 'running') await sleep(100);
  expect(await status()).toBe('completed');
});

test.each([
  ['FLUSHALL'],
  ['FLUSHDB'],
  ['KEYS', '*'],
  ['CONFIG', 'GET', '*'],
  ['SHUTDOWN', 'NOSAVE'],
  ['ACL', 'LIST'],
  ['MONITOR'],
  ['GET', 'another-clients-key'],
])('that user may not %s', async (command, ...args) => {
  await expect(restricted.call(command as string, ...args)).rejects.toThrow(/NOPERM/);
});
