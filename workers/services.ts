import { hostname } from 'node:os';
import type { Redis } from 'ioredis';
import { type Database, openDatabase } from '../db/client.ts';
import { createLedger } from '../db/ledger/index.ts';
import { createLimitStore } from '../db/repositories/limits.ts';
import { createQueuePauseStore } from '../db/repositories/queue-pauses.ts';
import { createRunStore } from '../db/repositories/runs.ts';
import { createWorkerStore } from '../db/repositories/workers.ts';
import { createSqlPort } from '../db/sql.ts';
import { assertDurable, connectProducer, ready } from '../queues/connection.ts';
import { createProducer, type Producer } from '../queues/producer.ts';
import type { Config } from '../src/config.ts';
import { createRunContexts } from '../src/engine/contexts.ts';
import { createSourceFactory } from '../src/engine/sources.ts';
import type { Logger } from '../src/logger.ts';
import type { Plans } from '../src/plan/registry.ts';
import { createPostgresTarget } from '../src/targets/postgres/index.ts';
import { createUpstreamFactory } from '../src/upstreams/factory.ts';
import { createFleetWindow } from './fleet-window.ts';
import { createHashCounters } from './hash-counters.ts';
import { createLatencyRecorder } from './latency.ts';
import { createUpstreamMeter } from './upstream-meter.ts';

/** Everything a worker process is made of, opened once and closed in reverse. */
export type Services = Awaited<ReturnType<typeof openServices>>;

export interface ServiceOptions {
  readonly config: Config;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly plans: Plans;
  readonly logger: Logger;
}

/** Opens connections and builds the engine's ports. Throws REDIS_VOLATILE or REDIS_UNAVAILABLE. */
export async function openServices(options: ServiceOptions) {
  const { config, logger, plans } = options;
  const onError = (error: Error): void => logger.warn({ err: error }, 'connection');
  const database = openDatabase({
    url: options.databaseUrl,
    max: 12,
    applicationName: 'drover worker',
    onError,
    // What a crash of PostgreSQL takes back of the ledger is done again: see docs/decisions/011.
    synchronousCommit: false,
  });
  const target = openTarget(options, database, onError);
  const redis = connectProducer(options.redisUrl, onError);
  await ready(redis);
  await assertDurable(redis, config.allowVolatileRedis);
  const name = `${hostname()}-${process.pid}`;
  const workers = createWorkerStore(database);
  const window = createFleetWindow(workers, config.windowFactor);
  const producer = createProducer({ redis, prefix: config.redisPrefix, window: window.of, onError });
  const counters = createHashCounters(redis);
  const latency = createLatencyRecorder(counters, config.redisPrefix);
  const runs = createRunStore(database);
  const upstreams = createUpstreamFactory({
    redis,
    prefix: config.redisPrefix,
    allowPrivate: config.allowPrivateUpstreams,
    logger,
    metrics: createUpstreamMeter(counters, config.redisPrefix),
  });
  return {
    ...options,
    name,
    database,
    target,
    redis,
    workers,
    producer,
    latency,
    runs,
    ledger: createLedger(database.$client, target.$client),
    contexts: createRunContexts({ store: runs, plan: plans.get, maxAgeMs: 300 }),
    postgres: createPostgresTarget(createSqlPort(target.$client)),
    source: createSourceFactory({ settings: config.settings, upstreams }),
    queuePauses: createQueuePauseStore(database),
    limits: createLimitStore(database),
    close: async () => {
      await counters.stop();
      await closeAll(producer, redis, database, target, window);
    },
  };
}

function openTarget(options: ServiceOptions, database: Database, onError: (error: Error) => void): Database {
  const url = options.config.targetDatabaseUrl;
  if (url === undefined || url === options.databaseUrl) return database;
  return openDatabase({ url, max: 12, applicationName: 'drover worker', onError });
}

async function closeAll(
  producer: Producer,
  redis: Redis,
  database: Database,
  target: Database,
  window: { stop(): void },
): Promise<void> {
  window.stop();
  await producer.close();
  redis.disconnect();
  if (target !== database) await target.$client.end();
  await database.$client.end();
}
