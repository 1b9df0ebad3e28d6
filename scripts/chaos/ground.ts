import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { migrateDatabase } from '../../db/migrate.ts';
import { type Postgres, startPostgres } from '../stack/postgres.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';

/** The servers that drills are held on. */
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

/** Starts what is needed; Redis is always our own, because drills empty, freeze and kill it. */
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
