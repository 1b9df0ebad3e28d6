import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Plain SQL at the drill's database, for who looks on: asks again while the database is away. */
export interface Probe {
  query<T extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<T[]>;
  close(): Promise<void>;
}

const retryForMs = 60_000;

export function openProbe(url: string): Probe {
  const pool = new pg.Pool({
    connectionString: url,
    max: 3,
    application_name: 'chaos',
    connectionTimeoutMillis: 5_000,
  });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return {
    async query<T extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) {
      const deadline = Date.now() + retryForMs;
      for (;;) {
        try {
          return (await pool.query<T>(text, [...values])).rows;
        } catch (error) {
          if (!isConnectionError(error) || Date.now() > deadline) throw error;
          await sleep(200);
        }
      }
    },
    close: () => pool.end(),
  };
}

/** The server is down, or went down with the query; every other error is a defect of the question. */
function isConnectionError(error: unknown): boolean {
  const code = String((error as { code?: unknown }).code ?? '');
  return code === '' || /^(08|57P|53|E)/.test(code);
}
