import pg from 'pg';
import { createCutoverDatabase } from '../../db/cutover/index.ts';
import { migrateDatabase } from '../../db/migrate.ts';
import type { CutoverDeps, CutoverSpec } from '../../src/engine/cutover/index.ts';
import { createDatabase } from '../helpers/database.ts';

export interface Harness {
  readonly pool: pg.Pool;
  readonly deps: CutoverDeps;
  /** First column of every row. */
  column(text: string): Promise<unknown[]>;
  run(text: string): Promise<void>;
  close(): Promise<void>;
}

/** A database with the control tables, and the engine on it behind a gate that stands open. */
export async function openHarness(options: { connections?: number } = {}): Promise<Harness> {
  const database = await createDatabase({ template: { name: 'cutover', migrate: migrateDatabase } });
  // The superuser of the tests is called drover, as the schema of the control tables is, and would find that one first.
  const pool = new pg.Pool({
    connectionString: database.url,
    max: options.connections ?? 10,
    options: '-c search_path=public',
  });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return {
    pool,
    deps: { database: createCutoverDatabase(pool), gate: { check: async () => ({ ok: true, reasons: [] }) } },
    column: async (text) => (await pool.query({ text, rowMode: 'array' })).rows.map((row) => row[0]),
    run: async (text) => void (await pool.query(text)),
    close: async () => {
      await pool.end();
      await database.drop();
    },
  };
}

/** Staging tables in schema `staging` become tables of the same name in `public`. */
export function setOf(...tables: string[]): CutoverSpec {
  return {
    name: 'launch',
    tables: tables.map((name) => ({ incoming: { schema: 'staging', name }, live: { schema: 'public', name } })),
  };
}

export const because = { dryRun: false, reason: 'test', actor: 'test' };
