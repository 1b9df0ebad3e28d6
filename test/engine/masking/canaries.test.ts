import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrateDatabase } from '../../../db/migrate.ts';
import { type RunningApi, startApi } from '../../../src/api/start.ts';
import { readConfig } from '../../../src/config.ts';
import { finishedStatuses, type RunStatus } from '../../../src/contract/run-status.ts';
import { createLogger } from '../../../src/logger.ts';
import { createRegistry } from '../../../src/plan/registry.ts';
import bubble from '../../../src/plans/bubble/index.ts';
import { type BubbleSandbox, startBubbleSandbox } from '../../../src/sandbox/bubble/sandbox.ts';
import { startWorkerProcess, type WorkerProcess } from '../../../workers/runtime.ts';
import { createDatabase, type TestDatabase } from '../../helpers/database.ts';
import { createRedisSpace } from '../../helpers/redis.ts';

// Secrets and personal data of the settings, the source and the target; they must be nowhere else.
const canary = /canary/i;
// A name of letters alone that was typed into a role, a status or a currency: it is shown to operators neither.
const nameInWrongField = /kanarie/i;
const adminKey = 'ci.canary-admin-secret-0123456789abcdef0123456789';
const secrets = {
  DROVER_ADMIN_KEY: adminKey,
  DROVER_SESSION_SECRET: 'canary-session-secret-0123456789abcdef',
  DROVER_ENCRYPTION_KEY: Buffer.from('canary-encryption-key-0123456789').toString('base64'),
  STRIPE_SECRET_KEY: 'canary-stripe',
  XENDIT_SECRET_KEY: 'canary-xendit',
};

const redis = createRedisSpace();
const lines: string[] = [];
let place: TestDatabase;
let pool: pg.Pool;
let sandbox: BubbleSandbox;
let worker: WorkerProcess;
let api: RunningApi;
let viewer: string;
let folder: string;

beforeAll(async () => {
  place = await createDatabase({ template: { name: 'control', migrate: migrateDatabase } });
  pool = new pg.Pool({ connectionString: place.url, max: 2 });
  sandbox = await startBubbleSandbox({ users: 40, apiKey: 'canary-bubble-key' });
  people();
  folder = await mkdtemp(join(tmpdir(), 'drover-canaries-'));
  const config = readConfig({
    ...secrets,
    BUBBLE_API_URL: sandbox.url,
    BUBBLE_API_KEY: sandbox.apiKey,
    DROVER_ALLOW_PRIVATE_UPSTREAMS: 'true',
    DROVER_REDIS_PREFIX: redis.prefix,
    DROVER_TICK_MS: '50',
    PORT: '0',
    MIGRATION_EXPORT_DIR: folder,
    MIGRATION_REPORT_DIR: folder,
  });
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const common = {
    ...{ config, databaseUrl: place.url, redisUrl: redis.url, plans: createRegistry([bubble]) },
    logger: createLogger({ level: 'trace', service: 'test', destination }),
  };
  api = await startApi({
    ...common,
    version: '0',
  });
  worker = await startWorkerProcess({
    ...common,
    queues: ['extract', 'transform', 'load', 'reconcile'],
    concurrency: 20,
  });
  const made = await call('POST', '/api/v1/keys', adminKey, { name: 'support', role: 'viewer' });
  viewer = (JSON.parse(made) as { key: string }).key;
});
afterAll(async () => {
  await worker.stop();
  await api.stop();
  await sandbox.close();
  await pool.end();
  await redis.drop();
  await place.drop();
  await rm(folder, { recursive: true, force: true });
});

/** Canaries in every kind of field, of records that are loaded and of records that are rejected for them. */
function people(): void {
  const [landing, refused, hashed, named] = sandbox.data
    .ids('user')
    .filter((id) => !sandbox.manifest.types.user.verdicts[id]);
  const email = (address: string) => ({ email: address, authentication: { email: { email: address } } });
  sandbox.data.modify('user', String(landing), email('canary-one@example.com'));
  sandbox.data.modify('user', String(refused), { ...email('canary two, no address'), name: 'Canary Two' });
  sandbox.data.modify('user', String(hashed), { ...email('canary-three@example.com'), password: 'canary-password' });
  for (const id of sandbox.data.ids('booking').slice(0, 5))
    sandbox.data.modify('booking', id, { status: 'canary-status' });
  for (const id of sandbox.data.ids('payment').slice(0, 5))
    sandbox.data.modify('payment', id, { amount: 'canary-amount' });
  sandbox.data.modify('user', String(named), { type: 'Kanarie' });
  for (const id of sandbox.data.ids('booking').slice(5, 8)) sandbox.data.modify('booking', id, { status: 'Kanarie' });
  const payments = sandbox.data.ids('payment');
  for (const id of payments.slice(5, 8))
    sandbox.data.modify('payment', id, { payment_status: 'KANARIE', status: 'KANARIE' });
  for (const id of payments.slice(8, 11))
    sandbox.data.modify('payment', id, { currency_code: 'Kanarie', currency: 'Kanarie' });
}

async function call(method: string, path: string, key: string, body?: object): Promise<string> {
  const answer = await fetch(new URL(path, api.url), {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  return answer.text();
}

async function ended(id: string): Promise<void> {
  for (;;) {
    const run = JSON.parse(await call('GET', `/api/v1/runs/${id}`, adminKey)) as { status: RunStatus };
    if (finishedStatuses.includes(run.status)) return;
    await sleep(100);
  }
}

/** Every key and value in Redis under the test's prefix, as text. */
async function redisText(): Promise<string> {
  const client = new Redis(redis.url);
  const keys = await client.keys(`${redis.prefix}*`);
  const values = await Promise.all(
    keys.map(async (key) => {
      const kind = await client.type(key);
      if (kind === 'string') return client.get(key);
      if (kind === 'hash') return client.hgetall(key);
      if (kind === 'list') return client.lrange(key, 0, -1);
      if (kind === 'set') return client.smembers(key);
      if (kind === 'stream') return client.xrange(key, '-', '+');
      return client.zrange(key, '0', '-1', 'WITHSCORES');
    }),
  );
  client.disconnect();
  expect(keys.length).toBeGreaterThan(5);
  return JSON.stringify([keys, values]);
}

test('after faults of every kind no canary is in Redis, logs, metrics, errors, the board or answers to viewers', {
  timeout: 150_000,
}, async () => {
  sandbox.faults.set([
    { fault: 'error', every: 7 },
    { fault: 'html', every: 9 },
    { fault: 'throttle', every: 11, retryAfter: 0.1 },
    { fault: 'drop-midway', every: 13 },
  ]);
  const started = JSON.parse(await call('POST', '/api/v1/runs', adminKey, { plan: 'bubble' })) as { id: string };
  // The target refuses one record too: its own message quotes the row.
  for (let tried = 0; tried < 200; tried += 1) {
    const trap = `ALTER TABLE bubble.users ADD CONSTRAINT not_allowed CHECK (email NOT LIKE 'canary-one%')`;
    if (await pool.query(trap).then(() => true, () => false)) break; // biome-ignore format: one line
    await sleep(20);
  }
  await ended(started.id);
  const { rows } = await pool.query(`SELECT count(*)::int AS n FROM drover.payloads WHERE raw::text ~* 'canary'`);
  expect(rows[0].n).toBeGreaterThanOrEqual(10);
  const run = `/api/v1/runs/${started.id}`;
  const seen: Record<string, string> = {
    redis: await redisText(),
    metrics: await call('GET', '/metrics', adminKey),
    'wrong key': await call('GET', '/api/v1/runs', 'ci.canary-wrong'),
    'wrong body': await call('POST', '/api/v1/runs', adminKey, { plan: 'bubble', batchSize: 'canary-size' }),
    'keys table': JSON.stringify((await pool.query('SELECT * FROM drover.keys')).rows),
    audit: JSON.stringify((await pool.query('SELECT * FROM drover.audit')).rows),
    workers: await call('GET', '/api/v1/workers', viewer),
    upstreams: await call('GET', '/api/v1/upstreams', viewer),
    plans: await call('GET', '/api/v1/plans/bubble', viewer),
  };
  for (const part of ['', '/records', '/failures', '/validation', '/reports']) {
    seen[`viewer ${part}`] = await call('GET', `${run}${part}`, viewer);
  }
  for (const queue of ['extract', 'transform', 'load', 'reconcile']) {
    for (const status of ['failed', 'completed', 'delayed']) {
      const path = `/board/api/queues?activeQueue=${queue}&status=${status}&page=1&jobsPerPage=100`;
      seen[`board ${queue} ${status}`] = await call('GET', path, viewer);
    }
  }
  const operators: Record<string, string> = {};
  for (const part of ['/records?limit=500', '/failures', '/validation']) {
    operators[`operator ${part}`] = await call('GET', `${run}${part}`, adminKey);
  }
  const reports = JSON.parse(await call('GET', `${run}/reports`, adminKey)) as { items: { name: string }[] };
  // Not the exported files: they are the raw records.
  const isExport = (name: string) => Object.keys(bubble.entities).some((entity) => name === `${entity}.csv`);
  for (const { name } of reports.items.filter((report) => !isExport(report.name))) {
    operators[`operator ${name}`] = await call('GET', `${run}/reports/${name}`, adminKey);
  }
  expect(operators['operator /failures']).toContain('UNKNOWN_ROLE');
  expect(operators['operator /failures']).toContain('UNKNOWN_CURRENCY');
  const written = Object.entries({ ...seen, ...operators, log: lines.join('') });
  expect(written.filter(([, text]) => nameInWrongField.test(text)).map(([where]) => where)).toEqual([]);
  seen.log = lines.join('');
  expect(seen.log.length).toBeGreaterThan(1_000);
  expect(seen['board transform failed']).toContain('"failedReason"');
  const found = Object.entries(seen).filter(([, text]) => canary.test(text));
  expect(
    found.map(([where, text]) => `${where}: …${text.slice(Math.max(0, text.search(canary) - 80)).slice(0, 160)}`),
  ).toEqual([]);
});
