import type pg from 'pg';
import { queryPrepared, type Row } from '../../../db/sql.ts';
import { DroverError } from '../../errors.ts';
import { identifier, qualified } from '../../plan/sql.ts';
import { linkNames, tableOf } from '../link/statements.ts';
import type { BookingsTable } from '../link/types.ts';
import type { MovedRows } from './types.ts';

/** A column of a table that names a user. */
export interface UserReference {
  /** Quoted, with its schema. */
  readonly table: string;
  readonly column: string;
  /** Columns that identify a row, without `column`, with their types. Empty: `column` alone does. */
  readonly key: readonly { readonly name: string; readonly type: string }[];
}

interface ReferenceRow extends Row {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly column: string;
  readonly columns: number;
  readonly key: readonly { readonly name: string; readonly type: string }[] | null;
}

// Sums: they follow from the rows that are moved, by their triggers.
const derived = ['user_totals', 'user_statistics_deltas'];

/**
 * Every column that names a user, from the catalog: foreign keys to `users (id)` of every origin, and the link of the
 * bookings also before its key is made. Throws NOT_ALLOWED_NOW for a table whose rows cannot be named: moving them could not be
 * undone.
 */
export async function userReferences(
  client: pg.PoolClient,
  schema: string,
  bookings: BookingsTable | undefined,
): Promise<readonly UserReference[]> {
  const text = `
WITH refs AS (
  SELECT c.conrelid AS oid, c.conkey[1] AS attnum, cardinality(c.conkey) AS columns FROM pg_constraint c
  WHERE c.contype = 'f' AND c.conparentid = 0 AND c.confrelid = to_regclass($1) AND (
    SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = c.confrelid AND a.attname = 'id') = ANY (c.confkey)
  UNION
  SELECT a.attrelid, a.attnum, 1 FROM pg_attribute a WHERE a.attrelid = to_regclass($2) AND a.attname = $3
)
SELECT r.oid::text AS oid, n.nspname AS schema, t.relname AS name, a.attname AS column, r.columns, (
  SELECT coalesce(json_agg(json_build_object('name', k.attname, 'type', format_type(k.atttypid, k.atttypmod)) ORDER BY k.attnum)
    FILTER (WHERE k.attnum <> r.attnum), '[]')
  FROM (SELECT i.indkey FROM pg_index i WHERE i.indrelid = r.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
      AND NOT EXISTS (SELECT FROM pg_attribute x WHERE x.attrelid = r.oid AND x.attnum = ANY (i.indkey) AND NOT x.attnotnull)
    ORDER BY i.indisprimary DESC, r.attnum = ANY (i.indkey), i.indexrelid LIMIT 1) i
  JOIN pg_attribute k ON k.attrelid = r.oid AND k.attnum = ANY (i.indkey) HAVING count(*) > 0) AS key
FROM refs r JOIN pg_class t ON t.oid = r.oid JOIN pg_namespace n ON n.oid = t.relnamespace
JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = r.attnum
WHERE NOT (n.nspname = $4 AND t.relname = ANY ($5::text[])) ORDER BY 2, 3, 4`;
  const rows = await queryPrepared<ReferenceRow>(client, undefined, text, [
    ...[
      qualified(schema, 'users'),
      bookings === undefined ? null : tableOf(bookings),
      linkNames.column,
      schema,
      derived,
    ],
  ]);
  const unnamed = rows.filter(({ key, columns }) => key === null || columns !== 1);
  if (unnamed.length > 0) {
    const reasons = unnamed.map(({ schema: of, name }) => `${of}.${name}`);
    throw new DroverError('NOT_ALLOWED_NOW', `rows that name users could not be brought back: ${reasons.join(', ')}`, {
      reasons,
      remedy: 'Give each of these tables a primary key, and a foreign key of one column to users.',
    });
  }
  return rows.map(({ schema: of, name, column, key }) => ({ table: qualified(of, name), column, key: key ?? [] }));
}

const keyJson = ({ key }: UserReference, row: string): string =>
  key.length === 0
    ? `'{}'::jsonb`
    : `jsonb_build_object(${key.map(({ name }) => `'${name.replaceAll("'", "''")}', ${row}.${identifier(name)}::text`).join(', ')})`;

const keyMatches = ({ key }: UserReference, row: string, json: string): string =>
  key
    .map(({ name, type }) => ` AND ${row}.${identifier(name)} = (${json} ->> '${name.replaceAll("'", "''")}')::${type}`)
    .join('');

const isUniqueViolation = (thrown: unknown): boolean =>
  thrown instanceof DroverError && (thrown.cause as { code?: unknown } | undefined)?.code === '23505';

/** Points the rows of one table at another user and records them. A row that a unique key refuses stays. */
export async function moveRows(
  client: pg.PoolClient,
  schema: string,
  reference: UserReference,
  { mergeId, from, into }: { readonly mergeId: string; readonly from: string; readonly into: string },
): Promise<MovedRows> {
  const { table, column } = reference;
  const name = identifier(column);
  const run = async (text: string, values: readonly unknown[]) =>
    queryPrepared<{ n: number }>(client, undefined, text, values);
  const moveSql = (condition: string): string => `WITH moved AS (
      UPDATE ${table} r SET ${name} = $3::uuid WHERE r.${name} = $2::uuid${condition} RETURNING ${keyJson(reference, 'r')} AS key
    ), recorded AS (
      INSERT INTO ${qualified(schema, 'user_merge_rows')} (merge_id, table_name, column_name, key) SELECT $1::uuid, $4, $5, key FROM moved RETURNING 1
    ) SELECT count(*)::int AS n FROM recorded`;
  const values = [mergeId, from, into, table, column];
  const attempt = async (text: string, bound: readonly unknown[]): Promise<number | undefined> => {
    await run('SAVEPOINT move_rows', []);
    try {
      const [moved] = await run(text, bound);
      await run('RELEASE SAVEPOINT move_rows', []);
      return moved?.n ?? 0;
    } catch (thrown) {
      if (!isUniqueViolation(thrown)) throw thrown;
      await run('ROLLBACK TO SAVEPOINT move_rows', []);
      return undefined;
    }
  };
  const all = await attempt(moveSql(''), values);
  if (all !== undefined) return { table, column, moved: all, kept: 0 };
  const keys = await queryPrepared<{ key: string }>(
    client,
    undefined,
    `SELECT ${keyJson(reference, 'r')}::text AS key FROM ${table} r WHERE r.${name} = $1::uuid`,
    [from],
  );
  let moved = 0;
  for (const { key } of keys)
    moved +=
      (await attempt(moveSql(keyMatches(reference, 'r', '$6::jsonb') || ' AND $6::jsonb IS NOT NULL'), [
        ...values,
        key,
      ])) ?? 0;
  return { table, column, moved, kept: keys.length - moved };
}

/** Points recorded rows back, those that still belong to the surviving user. `kept` are those that do not. */
export async function moveRowsBack(
  client: pg.PoolClient,
  schema: string,
  reference: UserReference,
  { mergeId, from, into }: { readonly mergeId: string; readonly from: string; readonly into: string },
): Promise<MovedRows> {
  const { table, column } = reference;
  const name = identifier(column);
  const rows = `${qualified(schema, 'user_merge_rows')} m`;
  const mine = `m.merge_id = $1::uuid AND m.table_name = $4 AND m.column_name = $5 AND m.moved`;
  const text = `WITH back AS (
      UPDATE ${table} r SET ${name} = $2::uuid FROM ${rows} WHERE ${mine} AND r.${name} = $3::uuid${keyMatches(reference, 'r', 'm.key')} RETURNING 1
    ) SELECT (SELECT count(*)::int FROM back) AS moved, (SELECT count(*)::int FROM ${rows} WHERE ${mine}) AS recorded`;
  const [counts] = await queryPrepared<{ moved: number; recorded: number }>(client, undefined, text, [
    ...[mergeId, from, into, table, column],
  ]);
  const { moved = 0, recorded = 0 } = counts ?? {};
  return { table, column, moved, kept: recorded - moved };
}
