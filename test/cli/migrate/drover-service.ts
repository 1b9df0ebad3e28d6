import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import pg from 'pg';
import { nodeArgs } from '../../../scripts/stack/compiled.ts';
import { startApi } from '../../../src/api/start.ts';
import { readConfig } from '../../../src/config.ts';
import { createLogger } from '../../../src/logger.ts';
import { loadPlans } from '../../../src/plan/registry.ts';
import { type BubbleSandbox, startBubbleSandbox } from '../../../src/sandbox/bubble/sandbox.ts';
import { startWorkerProcess, type WorkerProcess } from '../../../workers/runtime.ts';
import { createDatabase } from '../../helpers/database.ts';
import { createRedisSpace } from '../../helpers/redis.ts';

export interface DroverService {
  readonly sandbox: BubbleSandbox;
  /** For the command line. */
  readonly env: Readonly<Record<string, string>>;
  readonly worker: WorkerProcess;
  /** Starts a worker in a process of its own; the test ends it. */
  spawnWorker(): ChildProcess;
  sql(text: string): Promise<unknown>;
  close(): Promise<void>;
}

/** The API listening, a worker, real stores, and a sandbox of a Bubble app with so many users. */
export async function startDroverService(folder: string, users: number): Promise<DroverService> {
  const sandbox = await startBubbleSandbox({ users });
  const place = await createDatabase();
  const redis = createRedisSpace();
  const settings = {
    DATABASE_URL: place.url,
    REDIS_URL: redis.url,
    LOG_LEVEL: 'silent',
    PORT: '0',
    BUBBLE_API_URL: sandbox.url,
    BUBBLE_API_KEY: sandbox.apiKey,
    DROVER_ADMIN_KEY: 'admin.a-secret-for-tests-of-32-characters',
    DROVER_ALLOW_PRIVATE_UPSTREAMS: 'true',
    DROVER_REDIS_PREFIX: redis.prefix,
    DROVER_TICK_MS: '50',
    DROVER_LOCK_DURATION_MS: '3000',
    DROVER_STALLED_INTERVAL_MS: '1000',
    MIGRATION_EXPORT_DIR: join(folder, 'service', 'data'),
    MIGRATION_REPORT_DIR: join(folder, 'service', 'reports'),
  };
  const config = readConfig(settings);
  const parts = {
    ...{ config, databaseUrl: place.url, redisUrl: redis.url, plans: await loadPlans() },
    logger: createLogger({ level: 'silent', service: 'test' }),
  };
  const api = await startApi({
    ...parts,
    version: '0.0.0',
  });
  const queues = ['extract', 'transform', 'load', 'reconcile'] as const;
  const worker = await startWorkerProcess({ ...parts, queues, concurrency: 50 });
  const client = new pg.Client({ connectionString: place.url });
  await client.connect();
  return {
    sql: (text) => client.query(text),
    spawnWorker: () =>
      spawn(process.execPath, nodeArgs('workers/main.ts'), {
        env: { PATH: process.env.PATH ?? '', ...settings },
        stdio: 'inherit',
      }),
    ...{ sandbox, worker, env: { DROVER_URL: api.url, DROVER_TOKEN: 'admin.a-secret-for-tests-of-32-characters' } },
    async close() {
      await client.end();
      await worker.stop();
      await api.stop();
      await sandbox.close();
      await redis.drop();
      await place.drop();
    },
  };
}
