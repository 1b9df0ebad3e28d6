import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import * as schema from './schema/index.ts';

export type Database = NodePgDatabase<typeof schema> & { $client: pg.Pool };

/** Executes statements: the database itself, one of its transactions, or a client in one. */
export type Queries = Pick<Database, 'select' | 'insert' | 'update' | 'delete' | 'execute'>;

export interface DatabaseOptions {
  readonly url: string;
  /** Maximum number of connections. Default 10. */
  readonly max?: number | undefined;
  /**
   * False: a commit is answered before it is on disk. Only for work that is repeated when the last commits before a
   * crash of PostgreSQL are lost. Default true.
   */
  readonly synchronousCommit?: boolean | undefined;
  /**
   * True only for statements that look up rows by their keys, a few hundred at a time: they must use the indexes even while a
   * fast-growing table has no statistics yet. Default false.
   */
  readonly lookups?: boolean | undefined;
  /**
   * Statement timeout in milliseconds, enforced by the server. Default 120,000, for statements that read whole tables. A
   * connection that was lost silently can delay its user as long, so use less where statements are short, and Infinity only
   * for statements without a bound, such as building an index.
   */
  readonly statementTimeoutMs?: number | undefined;
  /**
   * Timeout of an idle transaction in milliseconds, enforced by the server: a suspended process keeps its connection, and would
   * keep its locks without end. Default 10,000.
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
    // Work that took an hour to prepare must not fail because a machine is briefly busy.
    connectionTimeoutMillis: patient ? 60_000 : 10_000,
    ...(patient ? {} : { ...timeoutsOf(statementMs), idle_in_transaction_session_timeout: silenceMs }),
    keepAlive: true,
    // The system's default is two hours. It applies only while no data is waiting to be sent; the timeouts above cover the rest.
    keepAliveInitialDelayMillis: 10_000,
    options: sessionOptions(options).join(' '),
  });
  pool.on('error', options.onError);
  pool.on('connect', (client) => client.on('error', options.onError));
  return drizzle(pool, { schema });
}

/** Drizzle over a client in a transaction, to combine its statements with those of the driver. */
export function queriesOf(client: pg.PoolClient): Queries {
  return drizzle(client, { schema });
}

function timeoutsOf(statementMs: number): pg.PoolConfig {
  // A live server has answered by then.
  return { statement_timeout: statementMs, query_timeout: statementMs + Math.min(10_000, statementMs / 4) };
}

function sessionOptions(options: DatabaseOptions): string[] {
  return [
    ...(options.synchronousCommit === false ? ['-c synchronous_commit=off'] : []),
    // A query plan made while a table was empty would keep scanning all of it. Join methods stay unchanged: joins between the
    // rows of one statement need hashes.
    // Their estimated costs are enormous then, and the JIT compiler would run for statements of milliseconds.
    ...(options.lookups ? ['-c enable_seqscan=off', '-c jit=off'] : []),
  ];
}
