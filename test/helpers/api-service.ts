import { Writable } from 'node:stream';
import { type Database, openDatabase } from '../../db/client.ts';
import { migrateDatabase } from '../../db/migrate.ts';
import { createAuditLog } from '../../db/stores/audit.ts';
import { createLimitStore, createQueuePauseStore, createWorkerStore } from '../../db/stores/fleet.ts';
import { createIdempotencyStore } from '../../db/stores/idempotency.ts';
import { createEndedSessions, createKeyStore } from '../../db/stores/keys.ts';
import { createMetricsStore } from '../../db/stores/metrics.ts';
import { createProducer } from '../../queues/producer.ts';
import { connectProducer, waitUntilReady } from '../../queues/redis.ts';
import { buildApp } from '../../src/api/app.ts';
import { formatToken, generateToken, hashSecret } from '../../src/api/auth/keys.ts';
import { createLiveQueues, createQueueControl } from '../../src/api/queue-control.ts';
import type { ApiDeps } from '../../src/api/types.ts';
import { createUpstreamControl } from '../../src/api/upstream-control.ts';
import { readConfig } from '../../src/config.ts';
import type { Control } from '../../src/contract/control.ts';
import type { Role } from '../../src/contract/runs.ts';
import { openControl, openCutovers } from '../../src/engine/open-engine.ts';
import { createInboxControl } from '../../src/engine/webhooks/control-store.ts';
import { createInboxReader, createInboxReceiver } from '../../src/engine/webhooks/store.ts';
import { createLogger } from '../../src/logger.ts';
import { createAdminApi } from '../../src/payments/admin/control.ts';
import { createBookingsControl } from '../../src/payments/bookings-control.ts';
import { createRegistry, loadPlans, type PlanRegistry } from '../../src/plan/registry.ts';
import { controlDouble } from './control-double.ts';
import { createDatabase } from './database.ts';
import { createRedisSpace } from './redis.ts';

/** Creates the control of the service; without it, the double. */
export type OpenControl = (database: Database) => Promise<Control>;

/** The API over its own PostgreSQL database and Redis key space, with a key of each role, not listening. */
export type TestService = Awaited<ReturnType<typeof startService>>;

export async function startService(
  overrides: Partial<ApiDeps['config']> = {},
  open?: OpenControl,
  plans: PlanRegistry = createRegistry([]),
  /** The address at which the service reaches its database, for a proxy in between. */
  throughProxy: (url: string) => string | Promise<string> = (url) => url,
) {
  const place = await createDatabase({ template: { name: 'control', migrate: migrateDatabase } });
  const space = createRedisSpace();
  const database = openDatabase({
    url: await throughProxy(place.url),
    applicationName: 'test',
    onError: () => undefined,
  });
  const redis = connectProducer(space.url, () => undefined);
  await waitUntilReady(redis);
  const producer = createProducer({ redis, prefix: space.prefix, window: () => 100, onError: () => undefined });
  const control = controlDouble();
  const log = logMemory();
  const deps: ApiDeps = {
    ...storesOf(database),
    control: open ? await open(database) : control,
    cutovers: openCutovers({
      ...{ database, target: database, slowQueries: database, plans, onFailure: () => undefined },
    }),
    bookings: createBookingsControl(database, database.$client),
    admin: createAdminApi(database, database.$client),
    plans: { list: () => [], get: () => undefined },
    queues: createQueueControl({
      pauses: createQueuePauseStore(database),
      live: createLiveQueues(producer),
      onError: () => undefined,
    }),
    upstreams: createUpstreamControl({
      limits: createLimitStore(database),
      live: { states: async () => [], setLimit: async () => undefined },
      names: ['bubble'],
      onError: () => undefined,
    }),
    health: [{ name: 'postgresql', check: async () => void (await database.$client.query('SELECT 1')) }],
    metrics: {
      records: async () => [],
      runs: async () => [],
      inbox: createMetricsStore(database).inbox,
      stageLatency: async () => [],
      upstreamRequests: async () => [],
    },
    config: {
      ...{ sessionSecret: undefined, trustProxy: false, metricsOpen: false, rateLimit: 100_000 },
      ...{ stripeWebhookSecrets: [], ...overrides },
    },
    logger: createLogger({ level: 'debug', service: 'test', destination: log.stream }),
    version: '0.0.0',
  };
  const app = await buildApp(deps);
  const keys = {
    viewer: await keyOf(deps, 'viewer'),
    operator: await keyOf(deps, 'operator'),
    admin: await keyOf(deps, 'admin'),
  };
  return {
    ...{ app, deps, control, database, keys, producer, log: log.text },
    as: (role: Role) => ({ authorization: `Bearer ${keys[role]}` }),
    async stop() {
      await app.close();
      await producer.close();
      redis.disconnect();
      await database.$client.end();
      await space.drop();
      await place.drop();
    },
  };
}

function storesOf(database: Database) {
  return {
    workers: createWorkerStore(database),
    keys: createKeyStore(database),
    endedSessions: createEndedSessions(database),
    audit: createAuditLog(database),
    idempotency: createIdempotencyStore(database),
    inbox: {
      ...createInboxReceiver(database.$client),
      ...createInboxReader(database.$client),
      ...createInboxControl(database),
    },
  };
}

async function keyOf({ keys }: Pick<ApiDeps, 'keys'>, role: Role): Promise<string> {
  const { id, secret } = generateToken();
  await keys.create(
    { id, name: role, role, secretHash: hashSecret(secret), createdBy: 'test', expiresAt: null },
    { actor: 'test', role: 'admin', action: 'key.create', subject: `key:${id}` },
  );
  return formatToken({ id, secret });
}

function logMemory() {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  return { stream, text: () => lines.join('') };
}

/** The API with the real control over PostgreSQL, without a worker: requests for runs are stored and wait. */
export async function startControlService(overrides: Partial<ApiDeps['config']> = {}): Promise<TestService> {
  const plans = await loadPlans();
  const config = readConfig({});
  return startService(overrides, async (database) => openControl({ database, target: database, plans, config }), plans);
}
