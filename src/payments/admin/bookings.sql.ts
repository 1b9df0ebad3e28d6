import type pg from 'pg';
import { queryPrepared, type Row } from '../../../db/sql.ts';
import type { Page } from '../../contract/runs.ts';
import { identifier } from '../../plan/sql.ts';
import { linkNames, tableOf } from '../link/statements.ts';
import type { BookingsTable } from '../link/types.ts';
import { parseCursor, placeCursor, type UserView } from './types.ts';
import { usersById } from './users.sql.ts';

/** The bookings table of a schema, and whether its rows are linked with users. */
export interface BookingsSource {
  readonly schema: string;
  readonly table: BookingsTable;
  readonly isLinked: boolean;
}

/** A row under the application's own names, with values as node-postgres reads them. */
export type BookingRow = Readonly<Record<string, unknown>>;

interface ReadRow {
  readonly booking: BookingRow;
  readonly key: string;
  readonly userId: string | null;
}

const rowsPerPage = 1_000;

/** The names of what is read beside the application's columns. They are longer than a column's name can be, so none is hidden. */
const beside = (name: string): string => `drover_${name}_`.padEnd(64, '_').slice(0, 63);

/** Separates what was read beside from the columns of the application; `user_id` is ours, and `user.id` in the answer. */
function toReadRow(row: Row, isLinked: boolean): ReadRow {
  const { [beside('key')]: key, [beside('at')]: _at, ...booking } = row;
  const userId = isLinked ? booking[linkNames.column] : null;
  if (isLinked) delete booking[linkNames.column];
  return { booking, key: String(key), userId: typeof userId === 'string' ? userId : null };
}

/** Rows in the order of the key. */
async function readRows(
  pool: pg.Pool,
  { table, isLinked }: BookingsSource,
  { after, upTo, limit }: { after: string | null; upTo: string | null; limit: number },
): Promise<readonly ReadRow[]> {
  const key = identifier(table.key);
  const text = `SELECT b.*, b.${key}::text AS ${identifier(beside('key'))} FROM ${tableOf(table)} b
    WHERE ($1::${table.keyType} IS NULL OR b.${key} > $1) AND ($2::${table.keyType} IS NULL OR b.${key} <= $2) ORDER BY b.${key} LIMIT $3`;
  const rows = await queryPrepared<Row>(pool, undefined, text, [after, upTo, limit]);
  return rows.map((row) => toReadRow(row, isLinked));
}

/** One page of the old answer, each item as JSON text. */
export async function bookingsPage(
  pool: pg.Pool,
  source: BookingsSource,
  { cursor, limit }: { readonly cursor: string | undefined; readonly limit: number },
): Promise<Page<string>> {
  const after = cursor === undefined ? null : parseCursor(cursor, placeCursor)[1];
  const rows = await readRows(pool, source, { after, upTo: null, limit: limit + 1 });
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: await withUsers(pool, source, shown),
    nextCursor: rows.length > limit && last !== undefined ? JSON.stringify(['', last.key]) : null,
  };
}

/**
 * The old answer whole, as the pieces of a JSON array. A page of rows is in memory at a time, and read when the client has taken
 * the one before; no snapshot and no connection is held between pages. It ends at the highest key of its beginning.
 */
export async function* allBookings(pool: pg.Pool, source: BookingsSource): AsyncGenerator<string> {
  const key = identifier(source.table.key);
  const text = `SELECT b.${key}::text AS key FROM ${tableOf(source.table)} b ORDER BY b.${key} DESC LIMIT 1`;
  const upTo = (await queryPrepared<{ key: string }>(pool, undefined, text, []))[0]?.key ?? null;
  let piece = '[';
  for (let after: string | null = null; upTo !== null; ) {
    const rows = await readRows(pool, source, { after, upTo, limit: rowsPerPage });
    const items = await withUsers(pool, source, rows);
    if (items.length > 0) {
      yield piece + items.join(',');
      piece = ',';
    }
    if (rows.length < rowsPerPage) break;
    after = rows.at(-1)?.key ?? null;
  }
  yield piece === '[' ? '[]' : ']';
}

async function withUsers(
  pool: pg.Pool,
  { schema, table }: BookingsSource,
  rows: readonly ReadRow[],
): Promise<string[]> {
  const ids = [...new Set(rows.flatMap(({ userId }) => userId ?? []))];
  const users = new Map((ids.length === 0 ? [] : await usersById(pool, schema, ids)).map((user) => [user.id, user]));
  return rows.map(({ booking, userId }) =>
    JSON.stringify(oldAnswer(booking, table, userId === null ? undefined : users.get(userId))),
  );
}

/**
 * What the application's endpoint answered for a row: its columns, then what it made of the contact, by the same expressions,
 * so that a missing first name is "undefined" here as it was there. Where the contact is no object the application's endpoint
 * failed; name and address are null here.
 */
export function oldAnswer(booking: BookingRow, table: BookingsTable, user: UserView | undefined): BookingRow {
  const contact = contactOf(booking[table.contact]);
  return {
    ...booking,
    customerName: contact === null ? null : `${contact.firstName} ${contact.lastName}`,
    customerEmail: contact === null ? null : contact.email,
    user:
      user === undefined
        ? null
        : {
            ...{ id: user.id, totalBookings: user.totalBookings, totalSpent: user.totalSpent },
            ...{ firstBookingAt: user.firstBookingAt, lastBookingAt: user.lastBookingAt },
          },
  };
}

/** The contact as an object: encoded once or twice as text in some applications. */
function contactOf(value: unknown): Readonly<Record<string, unknown>> | null {
  let decoded = value;
  for (let layers = 0; typeof decoded === 'string' && layers < 3; layers += 1) {
    try {
      decoded = JSON.parse(decoded);
    } catch {
      return null;
    }
  }
  return typeof decoded === 'object' && decoded !== null && !Array.isArray(decoded)
    ? (decoded as Readonly<Record<string, unknown>>)
    : null;
}

/** The bookings of a user, the newest first, as the application's columns. */
export async function bookingsOfUser(
  pool: pg.Pool,
  source: BookingsSource,
  userId: string,
  { cursor, limit }: { readonly cursor?: string | undefined; readonly limit: number },
): Promise<Page<BookingRow>> {
  if (!source.isLinked) return { items: [], nextCursor: null };
  const { table } = source;
  const key = identifier(table.key);
  const at = `coalesce(b.${identifier(table.createdAt)}::timestamptz, '-infinity'::timestamptz)`;
  const values: unknown[] = [userId, limit + 1];
  if (cursor !== undefined) values.push(...parseCursor(cursor, placeCursor));
  const text = `SELECT b.*, b.${key}::text AS ${identifier(beside('key'))}, (${at})::text AS ${identifier(beside('at'))} FROM ${tableOf(table)} b
    WHERE b.${identifier(linkNames.column)} = $1::uuid ${cursor === undefined ? '' : `AND (${at}, b.${key}) < ($3::timestamptz, $4::${table.keyType})`}
    ORDER BY ${at} DESC, b.${key} DESC LIMIT $2`;
  const rows = await queryPrepared<Row>(pool, undefined, text, values);
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map((row) => toReadRow(row, true).booking),
    nextCursor:
      rows.length > limit && last !== undefined ? JSON.stringify([last[beside('at')], last[beside('key')]]) : null,
  };
}
