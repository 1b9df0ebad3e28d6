import type { Redis } from 'ioredis';
import { type Database, openDatabase } from '../../db/client.ts';
import { createAuditLog } from '../../db/stores/audit.ts';
import { createLimitStore, createQueuePauseStore, createWorkerStore } from '../../db/stores/fleet.ts';
import { createIdempotencyStore } from '../../db/stores/idempotency.ts';
import { createEndedSessions, createKeyStore } from '../../db/stores/keys.ts';
import { createMetricsStore } from '../../db/stores/metrics.ts';
import { createProducer } from '../../queues/producer.ts';
import { assertDurable, connectProducer, waitUntilReady, withDeadline } from '../../queues/redis.ts';
import type { Config } from '../config.ts';
import { openControl, openCutovers, openUpstreams } from '../engine/open-engine.ts';
import { createInboxControl } from '../engine/webhooks/control-store.ts';
import { createInboxReader, createInboxReceiver } from '../engine/webhooks/store.ts';
import { DroverError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { createAdminApi } from '../payments/admin/control.ts';
import { createBookingsControl } from '../payments/bookings-control.ts';
import type { PlanRegistry } from '../plan/registry.ts';
import { readStageLatency, readUpstreamRequests } from './monitoring.ts';
import { createLiveQueues, createQueueControl } from './queue-control.ts';
import { createPlanCatalog } from './routes/plans.ts';
import type { ApiDeps, HealthCheck } from './types.ts';
import { createUpstreamControl } from './upstream-control.ts';

export interface ServiceOptions {
  readonly config: Config;
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly plans: PlanRegistry;
  readonly logger: Logger;
  readonly version: string;
}

export interface ApiServices extends ApiDeps {
  close(): Promise<void>;
}

const redisDeadlineMs = 1_000;

/** Opens the connections and stores of the API. Redis may be unavailable: the API starts, /readyz reports it, and clients reconnect. */
export async function openApiServices(options: ServiceOptions): Promise<ApiServices> {
  const { config, plans, logger, version } = options;
  const onError = (error: unknown): void => logger.warn({ err: error }, 'connection');
  const database = openDatabase({ url: options.databaseUrl, applicationName: 'drover api', onError });
  const target = openTarget(options, database, onError);
  const slowQueries = openCutoverDatabase(options, onError);
  const redis = connectProducer(options.redisUrl, onError);
  await checkRedisDurability(redis, options);
  const producer = createProducer({ redis, prefix: config.redisPrefix, window: () => 0, onError });
  const live = openUpstreams(redis, config, logger);
  const control = openControl({
    ...{ database, target, plans, config },
    upstreams: live.states,
    openUpstream: live.open,
    onFailure: (error) => logger.error({ err: error }, 'a rollback failed after its request was answered'),
  });
  return {
    ...{ config, logger, version },
    ...createStores(database),
    control,
    cutovers: openCutovers({
      ...{ database, target, slowQueries, plans },
      onFailure: (error) => logger.error({ err: error }, 'a cutover or rollback ended before its swap'),
    }),
    bookings: createBookingsControl(database, target.$client),
    admin: createAdminApi(database, target.$client),
    plans: createPlanCatalog(plans.all(), config.settings),
    queues: createQueueControl({ pauses: createQueuePauseStore(database), live: createLiveQueues(producer), onError }),
    upstreams: createUpstreamControl({
      limits: createLimitStore(database),
      live,
      names: [...new Set(plans.all().flatMap((plan) => plan.upstreams))],
      onError,
    }),
    health: healthChecks(database, redis),
    metrics: {
      ...createMetricsStore(database),
      stageLatency: () =>
        withDeadline(readStageLatency(redis, config.redisPrefix, [...producer.queues.keys()]), redisDeadlineMs),
      upstreamRequests: () => withDeadline(readUpstreamRequests(redis, config.redisPrefix), redisDeadlineMs),
    },
    async close() {
      await control.close();
      await producer.close();
      redis.disconnect();
      await slowQueries.$client.end();
      if (target !== database) await target.$client.end();
      await database.$client.end();
    },
  };
}

function createStores(database: Database) {
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

function openTarget(options: ServiceOptions, database: Database, onError: (error: Error) => void): Database {
  const url = options.config.targetDatabaseUrl;
  if (url === undefined || url === options.databaseUrl) return database;
  return openDatabase({ url, applicationName: 'drover api', onError });
}

/** A pool for cutovers alone: index builds take long and must not occupy connections that answer requests. */
function openCutoverDatabase(options: ServiceOptions, onError: (error: Error) => void): Database {
  const url = options.config.targetDatabaseUrl ?? options.databaseUrl;
  return openDatabase({
    url,
    applicationName: 'drover cutover',
    max: 5,
    statementTimeoutMs: Number.POSITIVE_INFINITY,
    onError,
  });
}

async function checkRedisDurability(redis: Redis, { config, logger }: ServiceOptions): Promise<void> {
  try {
    await waitUntilReady(redis, 5_000);
    await assertDurable(redis, config.allowVolatileRedis);
  } catch (error) {
    if (!(error instanceof DroverError) || error.code !== 'REDIS_UNAVAILABLE') throw error;
    logger.warn({ err: error }, 'Redis is unavailable: the API starts without it');
  }
}

function healthChecks(database: Database, redis: Redis): HealthCheck[] {
  return [
    { name: 'postgresql', check: async () => void (await database.$client.query('SELECT 1')) },
    { name: 'redis', check: async () => void (await redis.ping()) },
  ];
}
