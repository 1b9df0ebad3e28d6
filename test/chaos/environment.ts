import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { migrateDatabase } from '../../db/migrate.ts';
import { type Postgres, startPostgres } from '../../scripts/stack/postgres.ts';
import { signal, waitForExit } from '../../scripts/stack/process.ts';
import { startRedis } from '../../scripts/stack/redis.ts';

/** The servers that experiments run on. */
export interface ChaosEnvironment {
  readonly folder: string;
  /** Absent where a server was given: what is not ours is not broken. */
  readonly postgres: Postgres | undefined;
  readonly redis: RedisServer;
  /** A new database with the control tables; answers its URL. */
  createDatabase(): Promise<string>;
  dropDatabase(url: string): Promise<void>;
  close(): Promise<void>;
}

export interface ChaosEnvironmentOptions {
  readonly folder: string;
  /** A superuser's URL. Default: a PostgreSQL of our own in the folder. */
  readonly postgresUrl?: string | undefined;
}

/** Starts what is needed; Redis is always our own, because experiments empty, freeze and kill it. */
export async function openChaosEnvironment({
  folder,
  postgresUrl,
}: ChaosEnvironmentOptions): Promise<ChaosEnvironment> {
  mkdirSync(folder, { recursive: true });
  const postgres = postgresUrl ? undefined : await startPostgres({ dataDir: join(folder, 'postgres'), fsync: false });
  const adminUrl = postgresUrl ?? (postgres as Postgres).url;
  const redis = await startRedisServer(join(folder, 'redis'));
  return {
    folder,
    postgres,
    redis,
    async createDatabase() {
      const name = `drover_chaos_${randomBytes(5).toString('hex')}`;
      await runAsAdmin(adminUrl, `CREATE DATABASE ${name} TEMPLATE template0`);
      const url = new URL(adminUrl);
      url.pathname = `/${name}`;
      await migrateDatabase(url.href);
      return url.href;
    },
    dropDatabase: (url) =>
      runAsAdmin(adminUrl, `DROP DATABASE IF EXISTS ${new URL(url).pathname.slice(1)} WITH (FORCE)`),
    async close() {
      await Promise.all([redis.stop(), postgres?.stop()]);
    },
  };
}

async function runAsAdmin(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** A Redis of its own, on one port from beginning to end, and what can befall it. */
interface RedisServer {
  readonly url: string;
  /** FLUSHALL: the server lives on and knows nothing. */
  flush(): Promise<void>;
  /** SHUTDOWN NOSAVE, and a new and empty server on the same port. */
  replace(): Promise<void>;
  /** kill -9, and a start from the append-only file. */
  crash(): Promise<void>;
  /** Leaves it next to no memory, so that it refuses writes. */
  exhaustMemory(): Promise<void>;
  /** Takes the bound away again. */
  restoreMemory(): Promise<void>;
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

async function startRedisServer(dataDir: string): Promise<RedisServer> {
  let server = await startRedis({ dataDir });
  const port = Number(new URL(server.url).port);
  const again = async (): Promise<void> => {
    server = await startRedis({ dataDir, port });
  };
  return {
    url: server.url,
    flush: () => runCommand(server.url, (redis) => redis.flushall()),
    async replace() {
      const { pid } = server;
      await runCommand(server.url, (redis) => redis.shutdown('NOSAVE')).catch(() => undefined);
      if (!(await waitForExit(pid, 10_000))) throw new Error('Redis did not shut down');
      rmSync(dataDir, { recursive: true, force: true });
      await again();
    },
    async crash() {
      await server.kill();
      await again();
    },
    exhaustMemory: () =>
      runCommand(server.url, async (redis) => {
        const used = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
        await redis.config('SET', 'maxmemory', String(used + 50_000));
      }),
    restoreMemory: () => runCommand(server.url, (redis) => redis.config('SET', 'maxmemory', '0')),
    freeze: () => signal(server.pid, 'SIGSTOP'),
    thaw: () => signal(server.pid, 'SIGCONT'),
    async stop() {
      // A stopped process takes no SIGTERM.
      signal(server.pid, 'SIGCONT');
      await server.stop();
    },
  };
}

async function runCommand(url: string, work: (redis: Redis) => Promise<unknown>): Promise<void> {
  const redis = new Redis(url, { retryStrategy: () => null, maxRetriesPerRequest: 0 });
  redis.on('error', () => undefined);
  try {
    await work(redis);
  } finally {
    redis.disconnect();
  }
}
