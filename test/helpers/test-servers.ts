import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { checkoutRoot } from '../../scripts/stack/checkout.ts';
import { startPostgres, stopPostmaster } from '../../scripts/stack/postgres.ts';
import { placeOfData, removeData } from '../../scripts/stack/postgres-home.ts';
import { livePostmaster } from '../../scripts/stack/postmaster.ts';
import { isAlive } from '../../scripts/stack/process.ts';
import { liveRedis, startRedis, stopRedis } from '../../scripts/stack/redis.ts';
import { withAdmin } from './database-server.ts';
import { pingRedis } from './redis-server.ts';

export interface TestServers {
  postgresUrl: string;
  redisUrl: string;
  /** Given by TEST_DATABASE_URL: it stays after us, so what we made on it must not. */
  postgresIsShared: boolean;
  stop(): Promise<void>;
}

/** TEST_DATABASE_URL and TEST_REDIS_URL are taken as they are; what they leave open is started for this run. */
export async function startTestServers(env: NodeJS.ProcessEnv): Promise<TestServers> {
  await Promise.all([
    mustAnswer('TEST_DATABASE_URL', env.TEST_DATABASE_URL, (url) => withAdmin(url, (admin) => admin.query('select 1'))),
    mustAnswer('TEST_REDIS_URL', env.TEST_REDIS_URL, pingRedis),
  ]);
  const folder = folderOf(process.pid);
  mkdirSync(folder, { recursive: true });
  const [postgres, redis] = await Promise.all([
    env.TEST_DATABASE_URL ? undefined : startPostgres({ dataDir: join(folder, 'postgres'), fsync: false }),
    env.TEST_REDIS_URL ? undefined : startRedis({ dataDir: join(folder, 'redis') }),
  ]);
  return {
    postgresUrl: postgres?.url ?? String(env.TEST_DATABASE_URL),
    redisUrl: redis?.url ?? String(env.TEST_REDIS_URL),
    postgresIsShared: postgres === undefined,
    stop: async () => {
      await Promise.all([postgres?.stop(), redis?.stop()]);
      removeRun(folder);
    },
  };
}

async function mustAnswer(variable: string, url: string | undefined, ask: (url: string) => Promise<unknown>) {
  if (!url) return;
  await ask(url).catch((cause: unknown) => {
    const remedy = `Start the server, or unset ${variable}: the tests then start one of their own.`;
    throw new Error(`Nothing answers at the ${variable} given. ${remedy}`, { cause });
  });
}

/** A run that was killed could not end its servers; the next one does it. */
export async function cleanDeadRuns(): Promise<void> {
  for (const name of listFolder(join(checkoutRoot(), '.drover'))) {
    const pid = Number(/^test-(\d+)$/.exec(name)?.[1] ?? 0);
    if (!pid || isAlive(pid)) continue;
    const folder = folderOf(pid);
    const postmaster = livePostmaster(placeOfData(join(folder, 'postgres')));
    const redis = await liveRedis(join(folder, 'redis'));
    if (postmaster) await stopPostmaster(postmaster.pid);
    if (redis) await stopRedis(redis.pid);
    removeRun(folder);
  }
}

function removeRun(folder: string): void {
  removeData(join(folder, 'postgres'));
  rmSync(folder, { recursive: true, force: true });
}

function folderOf(pid: number): string {
  return join(checkoutRoot(), '.drover', `test-${pid}`);
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
