import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, openDatabase } from '../../db/client.ts';
import { migrateDatabase } from '../../db/migrate.ts';
import { readConfig } from '../../src/config.ts';
import type { Control } from '../../src/contract/control.ts';
import { finishedStatuses } from '../../src/contract/run-status.ts';
import type { Actor, RunView, StartRun } from '../../src/contract/runs.ts';
import { openControl } from '../../src/engine/open-engine.ts';
import { createLogger } from '../../src/logger.ts';
import { loadPlans } from '../../src/plan/registry.ts';
import { startWorkerProcess } from '../../workers/runtime.ts';
import { createDatabase } from './database.ts';
import { createRedisSpace } from './redis.ts';

export const operator: Actor = { id: 'test', role: 'admin' };

/** A whole Drover in this process, on real stores. */
export interface Drover {
  readonly control: Control;
  readonly database: Database;
  /** The environment for further processes. */
  readonly databaseUrl: string;
  readonly redisUrl: string;
  readonly redisPrefix: string;
  readonly exportDir: string;
  readonly reportDir: string;
  /** Starts a run of the plan and waits for its end. */
  run(input?: Partial<StartRun>): Promise<RunView>;
  /** Waits until the run is finished, or has the given status. */
  settled(id: string, status?: RunView['status']): Promise<RunView>;
  /** One value of one row. */
  value<T>(sql: string, ...values: unknown[]): Promise<T>;
  rows(sql: string, ...values: unknown[]): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

type Environment = Readonly<Record<string, string>>;

/** Starts everything with the plan's environment, which may depend on the database. Close it, or the test's process does not end. */
export async function startDrover(
  plan: string,
  environment: Environment | ((databaseUrl: string) => Environment),
): Promise<Drover> {
  const created = await createDatabase({ template: { name: 'control', migrate: migrateDatabase } });
  const redis = createRedisSpace();
  const folder = await mkdtemp(join(tmpdir(), 'drover-migration-'));
  const [exportDir, reportDir] = [join(folder, 'data'), join(folder, 'reports')];
  const config = readConfig({
    DROVER_ALLOW_PRIVATE_UPSTREAMS: 'true',
    DROVER_REDIS_PREFIX: redis.prefix,
    DROVER_TICK_MS: '50',
    MIGRATION_EXPORT_DIR: exportDir,
    MIGRATION_REPORT_DIR: reportDir,
    ...(typeof environment === 'function' ? environment(created.url) : environment),
  });
  const database = openDatabase({ url: created.url, applicationName: 'test', onError: () => undefined });
  const plans = await loadPlans();
  const worker = await startWorkerProcess({
    config,
    databaseUrl: created.url,
    redisUrl: redis.url,
    plans,
    logger: createLogger({ level: 'silent', service: 'test' }),
    queues: ['extract', 'transform', 'load', 'reconcile'],
    concurrency: 50,
  });
  const control = openControl({ database, target: database, plans, config });
  const settled = (id: string, status?: RunView['status']) => waitFor(control, id, status);
  const rows = async (sql: string, ...values: unknown[]) => (await database.$client.query(sql, values)).rows;
  return {
    ...{
      control,
      database,
      databaseUrl: created.url,
      redisUrl: redis.url,
      redisPrefix: redis.prefix,
      exportDir,
      reportDir,
      settled,
      rows,
    },
    run: async (input = {}) => settled((await control.startRun({ plan, ...input }, operator)).id),
    value: async <T>(sql: string, ...values: unknown[]) => Object.values((await rows(sql, ...values))[0] ?? {})[0] as T,
    async close() {
      await worker.stop();
      await database.$client.end();
      await redis.drop();
      await created.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function waitFor(control: Control, id: string, status?: RunView['status']): Promise<RunView> {
  const deadline = Date.now() + 220_000;
  for (;;) {
    const run = await control.run(id);
    if (status === undefined ? finishedStatuses.includes(run.status) : run.status === status) return run;
    if (Date.now() > deadline) throw new Error(`run ${id} is still ${run.status}: ${run.reason}`);
    await sleep(50);
  }
}
