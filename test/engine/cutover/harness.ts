import pg from 'pg';
import { migrateDatabase } from '../../../db/migrate.ts';
import type { CutoverSpec } from '../../../src/contract/cutover.ts';
import { createCutoverDatabase } from '../../../src/engine/cutover/store.ts';
import type { CutoverDeps } from '../../../src/engine/cutover/types.ts';
import { createDatabase } from '../../helpers/database.ts';

export interface Harness {
  readonly pool: pg.Pool;
  /** The applications' own connections, apart from the engine's. */
  readonly clients: pg.Pool;
  readonly deps: CutoverDeps;
  /** First column of every row. */
  column(text: string): Promise<unknown[]>;
  run(text: string): Promise<void>;
  close(): Promise<void>;
}

/** A database with the control tables, and the engine on it behind a gate that stands open. */
export async function openHarness(options: { connections?: number } = {}): Promise<Harness> {
  const database = await createDatabase({ template: { name: 'cutover', migrate: migrateDatabase } });
  const open = (max: number) => {
    // The superuser of the tests is called drover, as the schema of the control tables is, and would find that first.
    const made = new pg.Pool({ connectionString: database.url, max, options: '-c search_path=public' });
    made.on('error', () => undefined);
    made.on('connect', (client) => client.on('error', () => undefined));
    return made;
  };
  const pool = open(5);
  const clients = open(options.connections ?? 5);
  return {
    pool,
    clients,
    deps: { database: createCutoverDatabase(pool), gate: { check: async () => ({ ok: true, reasons: [] }) } },
    column: async (text) => (await pool.query({ text, rowMode: 'array' })).rows.map((row) => row[0]),
    run: async (text) => void (await pool.query(text)),
    close: async () => {
      await clients.end();
      await pool.end();
      await database.drop();
    },
  };
}

/** Staging tables in schema `staging` become tables of the same name in `public`. */
export function stagingSet(...tables: string[]): CutoverSpec {
  return {
    name: 'launch',
    tables: tables.map((name) => ({ incoming: { schema: 'staging', name }, live: { schema: 'public', name } })),
  };
}

export const cutoverRequest = { dryRun: false, reason: 'test', actor: 'test' };
