import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import pg from 'pg';
import { advisoryLocks } from './locks.ts';

/**
 * Brings the control tables of a database up to date. Safe to call from many processes at once: they run one after
 * the other. Throws the errors of PostgreSQL.
 */
export async function migrateDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [advisoryLocks.migration]);
    await migrate(drizzle(client), { migrationsFolder: migrationsFolder(), migrationsSchema: 'drover' });
  } finally {
    await client.end();
  }
}

// The compiled tree has no .sql files; they stay in db/migrations of the package root.
function migrationsFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return join(folder, 'db', 'migrations');
}
