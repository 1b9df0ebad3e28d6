import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import * as schema from './schema/index.ts';

export type Database = NodePgDatabase<typeof schema> & { $client: pg.Pool };

/** What makes statements: the database itself, one of its transactions, or a client in one. */
export type Queries = Pick<Database, 'select' | 'insert' | 'update' | 'delete' | 'execute'>;

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
  /**
   * How long a statement may take, in milliseconds; the server ends it then. Default 120,000, for what reads whole tables.
   * It is also how long a connection that was lost without notice can delay its user, so give less where
   * statements are short, and Infinity only where one may take as long as it needs, as building an index does.
   */
  readonly statementTimeoutMs?: number | undefined;
  /**
   * How long a transaction may be left without its next statement, in milliseconds; the server ends it then. A process
   * that was stopped in the middle of one keeps its connection, and would keep its locks for ever. Default 10,000.
   */
  readonly idleInTransactionTimeoutMs?: number | undefined;
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
  const { statementTimeoutMs: statementMs = 120_000, idleInTransactionTimeoutMs: silenceMs = 10_000 } = options;
  const patient = statementMs === Number.POSITIVE_INFINITY;
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.max ?? 10,
    application_name: options.applicationName,
    // Work that took an hour to prepare must not fail because a machine is busy for a moment.
    connectionTimeoutMillis: patient ? 60_000 : 10_000,
    ...(patient ? {} : { ...timeoutsOf(statementMs), idle_in_transaction_session_timeout: silenceMs }),
    keepAlive: true,
    // The system's default is two hours. It applies only while nothing is waiting to be sent; the timeouts above cover the rest.
    keepAliveInitialDelayMillis: 10_000,
    options: sessionOptions(options).join(' '),
  });
  pool.on('error', options.onError);
  pool.on('connect', (client) => client.on('error', options.onError));
  return drizzle(pool, { schema });
}

/** Drizzle over a client that is in a transaction, for statements that go with others of the driver. */
export function queriesOf(client: pg.PoolClient): Queries {
  return drizzle(client, { schema });
}

function timeoutsOf(statementMs: number): pg.PoolConfig {
  // A server that is alive has answered by then.
  return { statement_timeout: statementMs, query_timeout: statementMs + Math.min(10_000, statementMs / 4) };
}

function sessionOptions(options: DatabaseOptions): string[] {
  return [
    ...(options.synchronousCommit === false ? ['-c synchronous_commit=off'] : []),
    // A query plan made while a table was empty would scan all of it for ever. Joins are left alone: those between the rows of
    // one statement need their hashes.
    // Their estimated costs are enormous then, and the JIT compiler would run for statements of milliseconds.
    ...(options.lookups ? ['-c enable_seqscan=off', '-c jit=off'] : []),
  ];
}
