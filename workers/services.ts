import { hostname } from 'node:os';
import { createEffectStore } from '../db/effects/store.ts';
import { createInboxQueue } from '../db/inbox/queue.ts';
import { createLedger } from '../db/ledger/index.ts';
import { createLimitStore } from '../db/repositories/limits.ts';
import { createQueuePauseStore } from '../db/repositories/queue-pauses.ts';
import { createRunStore } from '../db/repositories/runs.ts';
import { createWorkerStore } from '../db/repositories/workers.ts';
import { createSqlPort } from '../db/sql.ts';
import { assertDurable, connectProducer, waitUntilReady } from '../queues/connection.ts';
import { createProducer } from '../queues/producer.ts';
import type { Config } from '../src/config.ts';
import { createRunContexts } from '../src/engine/contexts.ts';
import { createApiFactory } from '../src/engine/effects/apis.ts';
import { createApiLanes } from '../src/engine/effects/lanes.ts';
import { createSourceFactory } from '../src/engine/sources.ts';
import type { Logger } from '../src/logger.ts';
import type { PlanRegistry } from '../src/plan/registry.ts';
import { createPostgresTarget } from '../src/targets/postgres/index.ts';
import { createUpstreamFactory } from '../src/upstreams/factory.ts';
import { withInteractivePriority } from '../src/upstreams/urgent.ts';
import { createBatchMeter } from './batch-meter.ts';
import { openDatabases } from './databases.ts';
import { createQueueWindow } from './fleet-window.ts';
import { createRedisCounters } from './hash-counters.ts';
import { createLatencyRecorder } from './latency.ts';
import { createTrafficCounter } from './traffic.ts';
import { createUpstreamMeter } from './upstream-meter.ts';

/** Everything a worker process is made of, opened once and closed in reverse. */
export type Services = Awaited<ReturnType<typeof openServices>>;

export interface ServiceOptions {
  readonly config: Config;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly plans: PlanRegistry;
  readonly logger: Logger;
}

/** Opens connections and builds the engine's ports. Throws REDIS_VOLATILE or REDIS_UNAVAILABLE. */
export async function openServices(options: ServiceOptions) {
  const { config, logger, plans } = options;
  const onError = (error: Error): void => logger.warn({ err: error }, 'connection');
  const databases = openDatabases({ databaseUrl: options.databaseUrl, targetUrl: config.targetDatabaseUrl, onError });
  const { control: database, target } = databases;
  const lookups = { control: databases.controlLookups.$client, target: databases.targetLookups.$client };
  const redis = connectProducer(options.redisUrl, onError);
  await waitUntilReady(redis);
  await assertDurable(redis, config.allowVolatileRedis);
  const name = `${hostname()}-${process.pid}`;
  const workers = createWorkerStore(database);
  const window = createQueueWindow(workers, config.windowFactor);
  const producer = createProducer({ redis, prefix: config.redisPrefix, window: window.of, onError });
  const counters = createRedisCounters(redis);
  const latency = createLatencyRecorder(counters, config.redisPrefix);
  const runs = createRunStore(database);
  const contexts = createRunContexts({ store: runs, plan: plans.get, maxAgeMs: 300 });
  const batches = createBatchMeter(database, contexts);
  const traffic = createTrafficCounter();
  const upstreams = createUpstreamFactory({
    redis,
    prefix: config.redisPrefix,
    allowPrivate: config.allowPrivateUpstreams,
    logger,
    metrics: createUpstreamMeter(counters, config.redisPrefix, traffic),
  });
  const stopping = new AbortController();
  return {
    ...options,
    name,
    database,
    target,
    redis,
    workers,
    producer,
    latency,
    traffic,
    runs,
    ledger: createLedger(lookups.control, lookups.target),
    contexts,
    batches,
    postgres: createPostgresTarget(createSqlPort(lookups.target)),
    source: createSourceFactory({ settings: config.settings, upstreams, target: createSqlPort(lookups.target) }),
    api: {
      apis: createApiFactory({ settings: config.settings, upstreams, signal: stopping.signal }),
      effects: createEffectStore(databases.effects.$client),
      lanes: createApiLanes(config.apiConcurrency),
    },
    inbox: {
      queue: createInboxQueue(lookups.control),
      apis: createApiFactory({
        settings: config.settings,
        upstreams: withInteractivePriority(upstreams),
        signal: stopping.signal,
      }),
    },
    queuePauses: createQueuePauseStore(database),
    limits: createLimitStore(database),
    close: async () => {
      stopping.abort();
      await counters.stop();
      await batches.stop();
      window.stop();
      await producer.close();
      redis.disconnect();
      await databases.close();
    },
  };
}
