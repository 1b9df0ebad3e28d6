import type pg from 'pg';
import { queryPrepared } from '../../../db/sql.ts';
import { type BookingsProgress, type UnlinkedReason, unlinkedReasons } from '../../contract/bookings.ts';
import { identifier, qualified } from '../../plan/sql.ts';
import { contactKeySql, contactSql, linkNames, tableOf } from '../link/statements.ts';
import { findLink } from '../link/store.sql.ts';
import type { BookingsTable } from '../link/types.ts';

/** A table of bookings of which nothing was linked yet; undefined when it is in another database. */
export type UnlinkedTable = Pick<BookingsTable, 'schema' | 'name'>;

/**
 * The progress of a schema. `estimate`: the number of bookings is the planner's and reasons are left out, so that no table of
 * bookings is read. Throws DroverError.
 */
export async function readProgress(
  pool: pg.Pool,
  schema: string,
  unlinkedTable: UnlinkedTable | undefined,
  estimate = false,
): Promise<BookingsProgress> {
  const link = await findLink(pool, schema);
  const table = link?.bookings ?? unlinkedTable;
  const people = await peopleOf(pool, schema);
  const named = { targetSchema: schema, table: table === undefined ? null : `${table.schema}.${table.name}` };
  if (table === undefined) return { ...named, bookings: null, linked: null, unlinked: null, ...people, estimates: [] };
  const name = qualified(table.schema, table.name);
  if (estimate) {
    const text = `SELECT greatest(reltuples, 0)::float8 AS rows,
      coalesce((SELECT sum(bookings) FROM ${qualified(schema, 'user_statistics')} WHERE currency = ''), 0)::float8 AS linked
      FROM pg_class WHERE oid = to_regclass($1)`;
    const [row] = await queryPrepared<{ rows: number; linked: number }>(pool, undefined, text, [name]);
    const counts = { bookings: row?.rows ?? 0, linked: row?.linked ?? 0, unlinked: null };
    return { ...named, ...counts, ...people, estimates: ['bookings'] };
  }
  if (link === undefined) {
    const text = `SELECT count(*)::float8 AS n FROM ${name}`;
    const [row] = await queryPrepared<{ n: number }>(pool, undefined, text, []);
    return { ...named, bookings: row?.n ?? 0, linked: 0, unlinked: null, ...people, estimates: [] };
  }
  const rows = await queryPrepared<{ reason: UnlinkedReason | null; n: number }>(
    pool,
    undefined,
    countsSql(schema, link.bookings),
    [],
  );
  const countOf = (reason: UnlinkedReason | null) => rows.find((row) => row.reason === reason)?.n ?? 0;
  const unlinked = Object.fromEntries(unlinkedReasons.map((reason) => [reason, countOf(reason)]));
  return {
    ...named,
    bookings: rows.reduce((sum, { n }) => sum + n, 0),
    linked: countOf(null),
    unlinked: unlinked as Record<UnlinkedReason, number>,
    ...people,
    estimates: [],
  };
}

/** One statement, so that the parts add up to the whole beside writers. */
function countsSql(schema: string, table: BookingsTable): string {
  const column = `b.${identifier(linkNames.column)}`;
  const field = qualified(schema, 'drover_contact_field');
  const contact = contactSql(schema, table, 'b');
  return `
SELECT reason, count(*)::float8 AS n FROM (
  SELECT CASE
    WHEN ${column} IS NOT NULL THEN NULL
    WHEN ${contact} IS NULL THEN 'no_contact'
    WHEN ${contactKeySql(schema, table, 'b')} IS NOT NULL THEN 'not_linked'
    WHEN coalesce(nullif(btrim(${contact} ->> 'email'), ''),
      ${field}(${contact}, ARRAY['email', 'emailaddress', 'mail', 'mailaddress'])) IS NULL THEN 'no_address'
    ELSE 'bad_address' END AS reason
  FROM ${tableOf(table)} b) x GROUP BY 1`;
}

async function peopleOf(pool: pg.Pool, schema: string) {
  const text = `SELECT count(*) FILTER (WHERE merged_into IS NULL)::float8 AS users,
    count(*) FILTER (WHERE merged_into IS NOT NULL)::float8 AS merged FROM ${qualified(schema, 'users')}`;
  const [people] = await queryPrepared<{ users: number; merged: number }>(pool, undefined, text, []);
  const statuses = await queryPrepared<{ status: string; n: number }>(
    pool,
    undefined,
    `SELECT status, count(*)::float8 AS n FROM ${qualified(schema, 'payments')} GROUP BY 1 ORDER BY 1`,
    [],
  );
  return {
    users: people?.users ?? 0,
    mergedUsers: people?.merged ?? 0,
    payments: statuses.reduce((sum, { n }) => sum + n, 0),
    paymentsByStatus: Object.fromEntries(statuses.map(({ status, n }) => [status, n])),
  };
}
