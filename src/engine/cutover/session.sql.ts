import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { toDatabaseError } from '../../../db/errors.ts';
import { advisoryLocks } from '../../../db/locks.ts';
import type { RelationName } from '../../contract/cutover.ts';
import { DroverError } from '../../errors.ts';
import { literal } from '../../plan/sql.ts';
import { quoteName, valueSettings } from './names.ts';
import type { SwapOptions } from './types.ts';

/** Runs the work while no other process can. `pid` is the backend that holds the lock: it ends with our connection. */
export async function withCutoverLock<T>(pool: pg.Pool, work: (pid: number) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw toDatabaseError(error);
  });
  try {
    const text = 'SELECT pg_try_advisory_lock($1) AS mine, pg_backend_pid() AS pid';
    const { rows } = await client.query<{ mine: boolean; pid: number }>(text, [advisoryLocks.cutover]);
    if (!rows[0]?.mine)
      throw new DroverError('CUTOVER_REFUSED', 'another cutover is under way', {
        remedy: 'Wait until it has ended: `drover cutovers` shows it.',
      });
    return await work(rows[0].pid);
  } finally {
    // Released explicitly: the server notices a closed connection later than the next cutover may begin.
    await client.query('SELECT pg_advisory_unlock_all()').catch(() => undefined);
    client.release(true);
  }
}

/** True where a session holds the lock: SQL. A bigint key is kept as two halves. */
export const lockHeldBySql = (
  condition = '',
): string => `EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
  WHERE d.datname = current_database() AND l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
  AND (l.classid::bigint << 32) + l.objid::bigint = ${advisoryLocks.cutover} ${condition})`;

/**
 * A transaction that means the same in every session: nothing but pg_catalog is found without its schema, values have one
 * text form, and no statement is cancelled for its duration, only for a lock it cannot get.
 */
export async function inTransaction<T>(
  pool: pg.Pool,
  mode: string,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw toDatabaseError(error);
  });
  let broken: Error | undefined;
  try {
    const settings = ["search_path = ''", 'statement_timeout = 0', ...valueSettings].map((one) => `; SET LOCAL ${one}`);
    await client.query(`BEGIN ${mode}${settings.join('')}`);
    const answer = await work(client);
    await client.query('COMMIT');
    return answer;
  } catch (error) {
    await client.query('ROLLBACK').catch((lost: Error) => {
      broken = lost;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

/**
 * Makes autovacuum release the tables, and keeps it off them to the end of the transaction. Autovacuum yields to a session
 * that waits longer than `deadlock_timeout`, which no lock that blocks clients may; so one that blocks none is taken first.
 */
export async function blockAutovacuum(client: pg.PoolClient, tables: readonly RelationName[]): Promise<void> {
  if (tables.length === 0) return;
  await client.query(`SELECT pg_catalog.set_config('lock_timeout', (1000 +
    3 * extract(epoch FROM pg_catalog.current_setting('deadlock_timeout')::interval) * 1000)::int::text, true)`);
  await client.query(`LOCK TABLE ${tables.map(quoteName).join(', ')} IN SHARE UPDATE EXCLUSIVE MODE`);
}

/**
 * One statement that takes all locks of a try within one budget of milliseconds: each waits for what the ones before it
 * have left. A lock_timeout alone would be spent anew at every table, and a client behind the first would wait for the sum.
 */
export function lockAllSql(statements: readonly string[], budgetMs: number): string {
  const left = `greatest(1, ceil(1000 * extract(epoch FROM until - pg_catalog.clock_timestamp())))::int::text`;
  const locks = statements.map(
    (sql) => `  PERFORM pg_catalog.set_config('lock_timeout', ${left}, true);\n  EXECUTE ${literal(sql)};\n`,
  );
  return `DO $locks$ DECLARE until timestamptz := pg_catalog.clock_timestamp() + interval '${Math.round(budgetMs)} milliseconds'; asked timestamptz := pg_catalog.clock_timestamp(); BEGIN
${locks.join('')}  PERFORM pg_catalog.set_config('drover.locked_at', pg_catalog.clock_timestamp()::text, false),
    pg_catalog.set_config('drover.lock_wait_ms', (1000 * extract(epoch FROM pg_catalog.clock_timestamp() - asked))::text, false);
END $locks$`;
}

/** After the commit: how long the locks were waited for, and held since. SQL. */
export const lockTimesSql = `SELECT pg_catalog.current_setting('drover.lock_wait_ms')::float8 AS "lockWaitMs",
  (1000 * extract(epoch FROM pg_catalog.clock_timestamp() - pg_catalog.current_setting('drover.locked_at')::timestamptz))::float8 AS "lockedMs"`;

/** SQLSTATE of a swap by a process that no longer holds the cutover's lock; in a class that PostgreSQL does not use. */
export const lockLostCode = 'DRV01';

interface PostgresError {
  readonly code?: string;
  readonly message: string;
  readonly detail?: string;
}

/**
 * As `toDatabaseError`, with PostgreSQL's DETAIL where that names objects: what depends on what. Of rows that are refused
 * (22, 23) it holds values, which go nowhere.
 */
export function toExchangeError(thrown: unknown): DroverError {
  const known = toDatabaseError(thrown);
  const { code = '', detail } = thrown as PostgresError;
  if (thrown instanceof DroverError || !detail || /^2[23]/.test(code)) return known;
  // 2B: other objects depend on it.
  const name = code.startsWith('2B') ? 'TARGET_SCHEMA' : known.code;
  const message = `${known.message}: ${detail.replaceAll('\n', '; ')}`;
  return new DroverError(name, message, { cause: thrown, remedy: known.remedy, field: known.field });
}

const lockErrorCodes = new Set(['55P03', '40P01']);

/** Tries again, after growing pauses, while a lock cannot be taken. The count of tries goes with the answer. */
export async function retryUntilLocked<T>(
  options: SwapOptions,
  work: (attempt: number) => Promise<T>,
): Promise<{ readonly answer: T; readonly attempts: number }> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return { answer: await work(attempt), attempts: attempt };
    } catch (error) {
      const code = (error as { code?: string }).code ?? '';
      if (!lockErrorCodes.has(code) || attempt >= options.attempts) throw toExchangeError(error);
      const pause = Math.min(10_000, options.pauseMs * 2 ** (attempt - 1));
      // Not in step with whatever holds the lock at regular times.
      await sleep(pause * (0.5 + Math.random()));
    }
  }
}
