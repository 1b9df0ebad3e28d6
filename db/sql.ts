import type pg from 'pg';
import type { SqlPort } from '../src/plan/sql.ts';
import { toDatabaseError } from './errors.ts';

export type Row = Record<string, unknown>;

/** A pool, or one client of it: in a transaction, say. */
export type Queryable = pg.Pool | pg.PoolClient | pg.Client;

/**
 * Runs one prepared statement. The name lets PostgreSQL keep the plan: the hot statements run thousands of times a
 * second with the same text. Throws DroverError.
 */
export async function queryPrepared<T extends Row>(
  client: Queryable,
  name: string | undefined,
  text: string,
  values: readonly unknown[],
): Promise<T[]> {
  try {
    const result = await client.query<T>({
      ...(name === undefined ? {} : { name }),
      text,
      values: values as unknown[],
    });
    return result.rows;
  } catch (error) {
    throw toDatabaseError(error);
  }
}

/** Runs the work in one transaction on one client; rolls back on any throw. */
export async function transaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw toDatabaseError(error);
  });
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    const answer = await work(client);
    await client.query('COMMIT');
    return answer;
  } catch (error) {
    const coded = toDatabaseError(error);
    // A connection that gave no answer gives none to a ROLLBACK either, and closing it does the same.
    if (coded.code === 'DATABASE_UNAVAILABLE') broken = coded;
    // A client whose ROLLBACK fails is in an unknown state and must not be used again.
    else
      await client.query('ROLLBACK').catch((lost: Error) => {
        broken = lost;
      });
    throw coded;
  } finally {
    client.release(broken);
  }
}

/** The way a target reaches its database, over a pool. */
export function createSqlPort(pool: pg.Pool): SqlPort {
  return { query: (name, text, values) => queryPrepared(pool, name, text, values) };
}
