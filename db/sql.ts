import type pg from 'pg';
import type { SqlPort } from '../src/plan/sql.ts';
import { toDatabaseError } from './errors.ts';

export type Row = Record<string, unknown>;

/** A pool, or one of its clients, for example in a transaction. */
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
    // A connection without an answer does not answer a ROLLBACK either; closing it has the same effect.
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

/** A target's access to its database, over a pool. */
export function createSqlPort(pool: pg.Pool): SqlPort {
  return { query: (name, text, values) => queryPrepared(pool, name, text, values) };
}
