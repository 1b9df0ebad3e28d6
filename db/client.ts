import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import * as schema from './schema/index.ts';

export type Database = NodePgDatabase<typeof schema> & { $client: pg.Pool };

export interface DatabaseOptions {
  readonly url: string;
  /** Connections at the most. Default 10. */
  readonly max?: number | undefined;
  /**
   * False: a commit is answered before it is on disk. Only for work that is done again when the last moments before a
   * crash of PostgreSQL are lost. Default true.
   */
  readonly synchronousCommit?: boolean | undefined;
  /**
   * True for statements that look rows up by their keys, a few hundred at a time, and nothing else: they are to use the
   * indexes even while a table that grows by the minute has no statistics yet. Default false.
   */
  readonly lookups?: boolean | undefined;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Called for a connection that died while idle; the pool replaces it. */
  readonly onError: (error: Error) => void;
}

/**
 * A pool with drizzle on top. Close it with `database.$client.end()`.
 * Both the pool and each client get an error handler: without the second, a backend that is terminated (57P01) while
 * its client is checked out ends the process with an uncaught error.
 */
export function openDatabase(options: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.max ?? 10,
    application_name: options.applicationName,
    connectionTimeoutMillis: 10_000,
    statement_timeout: 120_000,
    query_timeout: 130_000,
    keepAlive: true,
    options: sessionOptions(options).join(' '),
  });
  pool.on('error', options.onError);
  pool.on('connect', (client) => client.on('error', options.onError));
  return drizzle(pool, { schema });
}

function sessionOptions(options: DatabaseOptions): string[] {
  return [
    ...(options.synchronousCommit === false ? ['-c synchronous_commit=off'] : []),
    // A plan made while a table was empty would read all of it for ever. Joins are left alone: those between the rows of
    // one statement need their hashes.
    // Their costs look enormous then, and a compiler would be called in for statements of milliseconds.
    ...(options.lookups ? ['-c enable_seqscan=off', '-c jit=off'] : []),
  ];
}
