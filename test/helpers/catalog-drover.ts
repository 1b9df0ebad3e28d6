import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, openDatabase } from '../../db/client.ts';
import { migrateDatabase } from '../../db/migrate.ts';
import { connectProducer, waitUntilReady } from '../../queues/redis.ts';
import { type QueueName, queueNames } from '../../queues/table.ts';
import { readConfig } from '../../src/config.ts';
import type { Control } from '../../src/contract/control.ts';
import { finishedStatuses } from '../../src/contract/run-status.ts';
import type { Actor, RunView, StartRun } from '../../src/contract/runs.ts';
import { openControl } from '../../src/engine/open-engine.ts';
import { createLogger } from '../../src/logger.ts';
import { loadPlans } from '../../src/plan/registry.ts';
import type { StripeSandboxOptions } from '../../src/sandbox/stripe/options.ts';
import { type StripeSandbox, startStripeSandbox } from '../../src/sandbox/stripe/sandbox.ts';
import { seedStripe } from '../../src/sandbox/supabase/data/generate.ts';
import {
  type SupabaseSandbox,
  type SupabaseSandboxOptions,
  startSupabaseSandbox,
} from '../../src/sandbox/supabase/sandbox.ts';
import { createUpstreamFactory } from '../../src/upstreams/upstream.ts';
import { startWorkerProcess, type WorkerProcess } from '../../workers/runtime.ts';
import { catalogSandboxEnv } from './catalog-sandboxes.ts';
import { createDatabase } from './database.ts';
import { createRedisSpace } from './redis.ts';

export const operator: Actor = { id: 'test', role: 'admin' };

/** A whole Drover on real stores, between sandboxes of a catalogue and of Stripe. */
export interface Catalog {
  readonly supabase: SupabaseSandbox;
  readonly stripe: StripeSandbox;
  readonly control: Control;
  readonly database: Database;
  /** The environment of worker processes. */
  readonly env: Readonly<Record<string, string>>;
  start(input?: Partial<StartRun>): Promise<RunView>;
  /** Starts a run and waits for its end. */
  run(input?: Partial<StartRun>): Promise<RunView>;
  settled(id: string): Promise<RunView>;
  /** Rows as objects. */
  sql<T = Record<string, unknown>>(text: string, ...values: unknown[]): Promise<T[]>;
  /** Starts a worker in this process, for all queues or some; it is stopped with the harness. */
  work(queues?: readonly QueueName[]): Promise<WorkerProcess>;
  close(): Promise<void>;
}

export interface CatalogOptions {
  readonly supabase?: SupabaseSandboxOptions;
  readonly stripe?: StripeSandboxOptions;
  readonly env?: Readonly<Record<string, string>>;
}

export async function startCatalog(options: CatalogOptions): Promise<Catalog> {
  const supabase = await startSupabaseSandbox({ dirt: 0, ...options.supabase });
  const stripe = await startStripeSandbox({ globalRps: 0, endpointRps: 0, ...options.stripe });
  seedStripe(supabase.stripe, { test: stripe.data, live: stripe.liveData });
  const created = await createDatabase({ template: { name: 'control', migrate: migrateDatabase } });
  const redis = createRedisSpace();
  const folder = await mkdtemp(join(tmpdir(), 'drover-catalog-'));
  const env = {
    DATABASE_URL: created.url,
    REDIS_URL: redis.url,
    ...catalogSandboxEnv({ supabase, stripe }),
    MIGRATION_MAX_CONCURRENCY: '20',
    DROVER_ALLOW_PRIVATE_UPSTREAMS: 'true',
    DROVER_ALLOW_VOLATILE_REDIS: 'true',
    DROVER_REDIS_PREFIX: redis.prefix,
    DROVER_TICK_MS: '50',
    LOG_LEVEL: 'silent',
    MIGRATION_EXPORT_DIR: join(folder, 'data'),
    MIGRATION_REPORT_DIR: join(folder, 'reports'),
    ...options.env,
  };
  const config = readConfig(env);
  const database = openDatabase({ url: created.url, applicationName: 'test', onError: () => undefined });
  const plans = await loadPlans();
  const store = connectProducer(redis.url, () => undefined);
  await waitUntilReady(store);
  const openUpstream = createUpstreamFactory({
    ...{ redis: store, prefix: redis.prefix, allowPrivate: true },
    logger: { warn: () => undefined },
  });
  const control = openControl({ database, target: database, plans, config, openUpstream });
  const workers: WorkerProcess[] = [];
  const settled = (id: string) => waitFor(control, id);
  const start = (input: Partial<StartRun> = {}) => control.startRun({ plan: 'catalog', ...input }, operator);
  return {
    ...{ supabase, stripe, control, database, env, settled, start },
    run: async (input) => settled((await start(input)).id),
    sql: async <T>(text: string, ...values: unknown[]) => (await database.$client.query(text, values)).rows as T[],
    async work(queues = queueNames) {
      const logger = createLogger({ level: 'silent', service: 'test' });
      const where = { config, databaseUrl: created.url, redisUrl: redis.url, plans, logger };
      const worker = await startWorkerProcess({ ...where, queues, concurrency: 50 });
      workers.push(worker);
      return worker;
    },
    async close() {
      for (const worker of workers) await worker.stop();
      await database.$client.end();
      store.disconnect();
      await Promise.all([supabase.close(), stripe.close(), redis.drop()]);
      await created.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function waitFor(control: Control, id: string): Promise<RunView> {
  const deadline = Date.now() + 220_000;
  for (;;) {
    const run = await control.run(id);
    if (finishedStatuses.includes(run.status)) return run;
    if (Date.now() > deadline)
      throw new Error(`run ${id} is still ${run.status}: ${run.reason} ${JSON.stringify(run.entities)}`);
    await sleep(50);
  }
}
