import type pg from 'pg';
import { queryPrepared } from '../../db/sql.ts';
import type { BackupTable, CleanupIndex } from '../contract/bookings.ts';
import { DroverError } from '../errors.ts';
import { identifier, literal, qualified } from '../plan/sql.ts';
import { indexStatement, linkNames } from './link/statements.ts';
import type { BookingsTable } from './link/types.ts';

export interface TableName {
  readonly schema: string;
  readonly name: string;
}

const backupName = (name: string): string => `${name.slice(0, 56)}_backup`;

/** What a backup of a table is called, and how much it takes about. Throws DroverError. */
export async function planBackup(pool: pg.Pool, { schema, name }: TableName): Promise<BackupTable> {
  const backup = backupName(name);
  const text = `SELECT greatest(reltuples, 0)::float8 AS rows, pg_table_size(oid)::float8 AS bytes, to_regclass($2) IS NOT NULL AS there
    FROM pg_class WHERE oid = to_regclass($1)`;
  const names = [qualified(schema, name), qualified(schema, backup)];
  const [row] = await queryPrepared<{ rows: number; bytes: number; there: boolean }>(pool, undefined, text, names);
  if (row === undefined) throw new DroverError('NOT_FOUND', `there is no table ${schema}.${name}`);
  return {
    ...{ table: `${schema}.${name}`, backup: `${schema}.${backup}`, estimatedRows: row.rows },
    ...{ estimatedBytes: row.bytes, exists: row.there, rows: null },
  };
}

/**
 * Copies a table as it is in one snapshot; answers its rows. Writers go on: the copy takes the lock of a SELECT, and only DDL on the
 * table waits. It is a statement, so an interrupted one leaves nothing. Throws DroverError.
 */
export async function makeBackup(pool: pg.Pool, { schema, name }: TableName): Promise<number> {
  const backup = qualified(schema, backupName(name));
  await queryPrepared(pool, undefined, `CREATE TABLE ${backup} AS SELECT * FROM ${qualified(schema, name)}`, []);
  const note = literal(`Copy of ${schema}.${name}, made by Drover`);
  await queryPrepared(pool, undefined, `COMMENT ON TABLE ${backup} IS ${note}`, []);
  const [row] = await queryPrepared<{ n: number }>(pool, undefined, `SELECT count(*)::float8 AS n FROM ${backup}`, []);
  return row?.n ?? 0;
}

interface WantedIndex {
  readonly table: TableName;
  readonly column: string;
  readonly name: string;
  readonly statement: string;
}

function wantedIndexes(schema: string, bookings: BookingsTable | undefined): readonly WantedIndex[] {
  const own = (table: string, column: string): WantedIndex => {
    const name = `${table}_${column}_drover`;
    const on = `${qualified(schema, table)} (${identifier(column)})`;
    const statement = `CREATE INDEX CONCURRENTLY IF NOT EXISTS ${identifier(name)} ON ${on}`;
    return { table: { schema, name: table }, column, name, statement };
  };
  const link = bookings && {
    ...{ table: bookings, column: linkNames.column, name: linkNames.index(bookings.name) },
    statement: indexStatement(bookings),
  };
  return [...(link ? [link] : []), own('payments', 'user_id'), own('users', 'email')];
}

/** The indexes of the document, and whether some valid index begins with their column. Throws DroverError. */
export async function findIndexes(
  pool: pg.Pool,
  schema: string,
  bookings: BookingsTable | undefined,
): Promise<readonly CleanupIndex[]> {
  const found: CleanupIndex[] = [];
  for (const { table, column, name, statement } of wantedIndexes(schema, bookings)) {
    const text = `SELECT coalesce(bool_or(i.indisvalid AND a.attname = $2 AND i.indpred IS NULL), false) AS covered,
        coalesce(bool_or(NOT i.indisvalid AND c.relname = $3), false) AS invalid
      FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
      LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0] WHERE i.indrelid = to_regclass($1)`;
    const values = [qualified(table.schema, table.name), column, name];
    const [row] = await queryPrepared<{ covered: boolean; invalid: boolean }>(pool, undefined, text, values);
    const state = row?.covered ? 'present' : row?.invalid ? 'invalid' : 'missing';
    const drop = `DROP INDEX CONCURRENTLY IF EXISTS ${qualified(table.schema, name)}`;
    const statements = state === 'present' ? [] : state === 'invalid' ? [drop, statement] : [statement];
    found.push({ table: `${table.schema}.${table.name}`, column, state, statements });
  }
  return found;
}

/** Makes what is missing, each index beside writers. Throws DroverError. */
export async function makeIndexes(pool: pg.Pool, indexes: readonly CleanupIndex[]): Promise<void> {
  for (const statement of indexes.flatMap(({ statements }) => statements))
    await queryPrepared(pool, undefined, statement, []);
}

const maxDuplicates = 1_000;

/** Users that are not merged and have one address, by their ids. Throws DroverError. */
export async function findDuplicateUsers(pool: pg.Pool, schema: string): Promise<readonly (readonly string[])[]> {
  const text = `SELECT array_agg(u.id::text ORDER BY u.created_at, u.id) AS ids FROM ${qualified(schema, 'users')} u
    WHERE u.merged_into IS NULL AND u.email IS NOT NULL
    GROUP BY coalesce(${qualified(schema, 'drover_email_key')}(u.email), lower(u.email)) HAVING count(*) > 1
    ORDER BY min(u.id::text) LIMIT ${maxDuplicates}`;
  return (await queryPrepared<{ ids: string[] }>(pool, undefined, text, [])).map(({ ids }) => ids);
}
