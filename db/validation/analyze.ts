import type pg from 'pg';
import { qualified } from '../../src/plan/sql.ts';
import { prepared } from '../sql.ts';

/**
 * Tells the planner what a load has just made of the tables. Autovacuum looks once a minute; until then it may hold that
 * an entity of fifty thousand rows has one, and join it by nested loops: measured 97 s instead of 2 s for one validation.
 * A table that belongs to somebody else is passed over by PostgreSQL with a warning.
 */
export async function analyzeTables(pool: pg.Pool, schema: string, tables: readonly string[]): Promise<void> {
  const names = ['drover.identities', 'drover.changes', ...tables.map((table) => qualified(schema, table))];
  const there = 'SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL';
  const found = await prepared<{ name: string }>(pool, undefined, there, [names]);
  if (found.length > 0) await prepared(pool, undefined, `ANALYZE ${found.map(({ name }) => name).join(', ')}`, []);
}
