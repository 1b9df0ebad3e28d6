import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { checkoutRoot } from '../../scripts/stack/checkout.ts';
import { livePostmaster, startPostgres, stopPostmaster } from '../../scripts/stack/postgres.ts';
import { dataFolderOf, removeData } from '../../scripts/stack/postgres-home.ts';
import { isAlive } from '../../scripts/stack/process.ts';
import { liveRedis, startRedis, stopRedis } from '../../scripts/stack/redis.ts';
import { withAdmin } from './database-server.ts';
import { pingRedis } from './redis-server.ts';

export interface TestServers {
  /** Folder for files and servers of tests; after the run it is deleted and its servers are stopped, by the next run if this one is killed. */
  folder: string;
  postgresUrl: string;
  redisUrl: string;
  /** Given by TEST_DATABASE_URL: the server remains after the run, so everything created on it is deleted. */
  postgresIsShared: boolean;
  stop(): Promise<void>;
}

/** TEST_DATABASE_URL and TEST_REDIS_URL are used when set; missing servers are started for this run. */
export async function startTestServers(env: NodeJS.ProcessEnv): Promise<TestServers> {
  await Promise.all([
    assertReachable('TEST_DATABASE_URL', env.TEST_DATABASE_URL, (url) =>
      withAdmin(url, (admin) => admin.query('select 1')),
    ),
    assertReachable('TEST_REDIS_URL', env.TEST_REDIS_URL, pingRedis),
  ]);
  const folder = folderOf(process.pid);
  mkdirSync(folder, { recursive: true });
  const [postgres, redis] = await Promise.all([
    env.TEST_DATABASE_URL ? undefined : startPostgres({ dataDir: join(folder, 'postgres'), fsync: false }),
    env.TEST_REDIS_URL ? undefined : startRedis({ dataDir: join(folder, 'redis') }),
  ]);
  return {
    folder,
    postgresUrl: postgres?.url ?? String(env.TEST_DATABASE_URL),
    redisUrl: redis?.url ?? String(env.TEST_REDIS_URL),
    postgresIsShared: postgres === undefined,
    stop: async () => {
      await Promise.all([postgres?.stop(), redis?.stop()]);
      await removeRun(folder);
    },
  };
}

async function assertReachable(variable: string, url: string | undefined, ask: (url: string) => Promise<unknown>) {
  if (!url) return;
  await ask(url).catch((cause: unknown) => {
    const remedy = `Start the server, or unset ${variable}: the tests then start one of their own.`;
    throw new Error(`Nothing answers at the ${variable} given. ${remedy}`, { cause });
  });
}

/** A killed run could not stop its servers; the next run does. */
export async function cleanDeadRuns(): Promise<void> {
  const runs = join(checkoutRoot(), '.drover');
  for (const name of listFolder(runs)) {
    const pid = Number(/^test-(\d+)$/.exec(name)?.[1] ?? 0);
    if (pid && !isAlive(pid)) await removeRun(join(runs, name));
  }
}

/** Stops the servers that tests left in the folder, at any depth, and deletes it. */
async function removeRun(folder: string): Promise<void> {
  for (const name of listFolder(folder)) {
    const path = join(folder, name);
    if (name === 'postgres') await removePostgres(path);
    else if (name === 'redis') await endRedis(path);
    else await removeRun(path);
  }
  rmSync(folder, { recursive: true, force: true });
}

async function removePostgres(dataDir: string): Promise<void> {
  const postmaster = livePostmaster(dataFolderOf(dataDir));
  if (postmaster) await stopPostmaster(postmaster.pid);
  removeData(dataDir);
}

async function endRedis(dataDir: string): Promise<void> {
  const redis = await liveRedis(dataDir);
  if (redis) await stopRedis(redis.pid);
}

function folderOf(pid: number): string {
  return join(checkoutRoot(), '.drover', `test-${pid}`);
}

/** Folders and PostgreSQL's link to its data elsewhere. No other link is followed: it may lead outside the folder. */
function listFolder(folder: string): string[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() || entry.name === 'postgres').map((entry) => entry.name);
  } catch {
    return [];
  }
}
