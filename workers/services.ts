import { hostname } from 'node:os';
import { type Database, openDatabase } from '../db/client.ts';
import { createSqlPort } from '../db/sql.ts';
import { createLimitStore, createQueuePauseStore, createWorkerStore, type WorkerStore } from '../db/stores/fleet.ts';
import { createProducer } from '../queues/producer.ts';
import { assertDurable, connectProducer, waitUntilReady } from '../queues/redis.ts';
import type { Config } from '../src/config.ts';
import type { Stage } from '../src/contract/record-status.ts';
import { createApiFactory } from '../src/engine/api-effects/effects.ts';
import { createEffectStore } from '../src/engine/api-effects/store.ts';
import { createLedger } from '../src/engine/ledger/ledger.ts';
import { createRunContexts, createSourceFactory } from '../src/engine/runs/context.ts';
import { createRunStore } from '../src/engine/runs/store.ts';
import { createConcurrencyLimiter } from '../src/engine/stages/api-record.ts';
import { createInboxQueue } from '../src/engine/webhooks/store.ts';
import type { Logger } from '../src/logger.ts';
import type { PlanRegistry } from '../src/plan/registry.ts';
import type { UpstreamFactory } from '../src/plan/upstream.ts';
import { createPostgresTarget } from '../src/targets/postgres/index.ts';
import { openStripePaymentObjects, type StripePaymentObjects } from '../src/upstreams/stripe/objects.ts';
import { createUpstreamFactory, withInteractivePriority } from '../src/upstreams/upstream.ts';
import {
  createBatchMeter,
  createLatencyRecorder,
  createRedisCounters,
  createTrafficCounter,
  createUpstreamMeter,
} from './metrics.ts';

/** The parts of a worker process, opened once and closed in reverse order. */
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
      limiter: createConcurrencyLimiter(config.apiConcurrency),
    },
    inbox: {
      queue: createInboxQueue(lookups.control),
      apis: createApiFactory({
        settings: config.settings,
        upstreams: withInteractivePriority(upstreams),
        signal: stopping.signal,
      }),
      target: databases.targetEffects,
      paymentObjects: openPaymentObjects(config.settings, withInteractivePriority(upstreams), stopping.signal),
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

// Stripe allows 25 reads a second in test mode; a migration may use the account at the same time.
const paymentMaxRps = 20;

/** Payments at Stripe; undefined without a key. */
function openPaymentObjects(
  settings: Config['settings'],
  upstreams: UpstreamFactory,
  signal: AbortSignal,
): StripePaymentObjects | undefined {
  const secretKey = settings.STRIPE_SECRET_KEY?.trim();
  if (!secretKey) return undefined;
  const maxRps = Number(settings.STRIPE_MAX_RPS ?? paymentMaxRps);
  const baseUrl = settings.STRIPE_API_URL ?? 'https://api.stripe.com';
  return openStripePaymentObjects({ upstreams, signal, secretKey, baseUrl, maxRps, endpointMaxRps: maxRps });
}

/** The pools of a worker process. Where control and target are one database, so are their pools. */
export interface Databases {
  /** For planned statements: the scheduler, validation, reports. */
  readonly control: Database;
  readonly target: Database;
  /** For the stages, which look up rows by their keys. */
  readonly controlLookups: Database;
  readonly targetLookups: Database;
  /** The control database with synchronous commit: for data that must be on disk before a request is sent. */
  readonly effects: Database;
  /** The target database with synchronous commit. */
  readonly targetEffects: Database;
  close(): Promise<void>;
}

export interface DatabasesOptions {
  readonly databaseUrl: string;
  /** Undefined: the control database. */
  readonly targetUrl: string | undefined;
  readonly onError: (error: Error) => void;
}

// A stage's statement writes 500 records at most. One that takes longer waits for a lock or for a dead connection, and its
// job is better tried again.
const lookupTimeoutMs = 30_000;

/**
 * Opens the pools. Ledger writes lost in a crash of PostgreSQL are done again, so their commits are asynchronous; a separate
 * target database does not lose its rows with them, so its commits are synchronous: see docs/decisions/011.
 */
function openDatabases({ databaseUrl, targetUrl, onError }: DatabasesOptions): Databases {
  const open = (url: string, lookups: boolean, synchronousCommit: boolean): Database =>
    openDatabase({
      ...{ url, onError, lookups, synchronousCommit, applicationName: 'drover worker' },
      max: lookups ? 12 : 6,
      statementTimeoutMs: lookups ? lookupTimeoutMs : undefined,
    });
  const control = open(databaseUrl, false, false);
  const controlLookups = open(databaseUrl, true, false);
  const apart = targetUrl !== undefined && targetUrl !== databaseUrl;
  const effects = open(databaseUrl, true, true);
  const target = apart ? open(targetUrl, false, true) : control;
  const targetLookups = apart ? open(targetUrl, true, true) : controlLookups;
  const targetEffects = apart ? targetLookups : effects;
  return {
    ...{ control, target, controlLookups, targetLookups, effects, targetEffects },
    async close() {
      const pools = new Set([control, target, controlLookups, targetLookups, effects]);
      await Promise.all([...pools].map((pool) => pool.$client.end()));
    },
  };
}

const windowRefreshMs = 1_000;
// For a fleet whose heartbeats were not read yet.
const minWindow = 100;

/**
 * How many jobs each queue may hold: a few times the fleet's concurrency, so that workers are never idle and Redis stays
 * small. The concurrency is read from heartbeats of live workers.
 */
function createQueueWindow(workers: WorkerStore, factor: number): { of(stage: Stage): number; stop(): void } {
  const concurrency = new Map<string, number>();
  const timer = setInterval(() => void refresh(), windowRefreshMs);
  timer.unref();

  async function refresh(): Promise<void> {
    const alive = (await workers.list().catch(() => [])).filter((worker) => worker.alive);
    concurrency.clear();
    for (const worker of alive) {
      for (const queue of worker.queues) concurrency.set(queue, (concurrency.get(queue) ?? 0) + worker.concurrency);
    }
  }

  void refresh();
  return {
    of: (stage) => Math.max(minWindow, factor * (concurrency.get(stage) ?? 0)),
    stop: () => clearInterval(timer),
  };
}
