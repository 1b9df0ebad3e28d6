import type pg from 'pg';
import { z } from 'zod';
import { queryPrepared, type Row } from '../../../db/sql.ts';
import { DroverError } from '../../errors.ts';
import { qualified } from '../../plan/sql.ts';
import { isoSql, parseCursor, type TwoWayPage, type UserQuery, type UserSort, type UserView } from './types.ts';

interface Sort {
  /** Of a row of `users` (u), or of `user_totals` (t). */
  readonly key: (fn: (name: string) => string) => string;
  readonly type: 'text' | 'timestamptz' | 'bigint';
  /** Whether the key is a figure in `user_totals`. Users without such a row come after all others in descending order. */
  readonly isFigure: boolean;
  readonly descendsByDefault: boolean;
}

const sorts: Readonly<Record<UserSort, Sort>> = {
  name: {
    key: (fn) => `${fn('name_key')}(u.first_name, u.last_name, u.email)`,
    ...{ type: 'text', isFigure: false, descendsByDefault: false },
  },
  created: {
    key: () => `coalesce(u.created_at, '-infinity'::timestamptz)`,
    ...{ type: 'timestamptz', isFigure: false, descendsByDefault: true },
  },
  bookings: { key: () => 't.bookings', type: 'bigint', isFigure: true, descendsByDefault: true },
  spent: { key: () => 't.spent', type: 'bigint', isFigure: true, descendsByDefault: true },
  lastBooking: {
    key: () => `coalesce(t.last_booking_at, '-infinity'::timestamptz)`,
    ...{ type: 'timestamptz', isFigure: true, descendsByDefault: true },
  },
};

// Sort, order, currency, direction, segment (1: with a figure, 0: without), key, id.
const cursorSchema = z.tuple([
  ...[z.string(), z.string(), z.string(), z.enum(['next', 'previous']), z.literal([0, 1]), z.string().max(200)],
  z.uuid(),
] as const);

interface PageRow extends Row {
  readonly id: string;
  readonly sort_key: string;
}

const userColumns = `u.id::text AS id, u.email, u.first_name AS "firstName", u.last_name AS "lastName", u.phone,
  to_jsonb(u) ->> 'company_name' AS "companyName", ${isoSql('u.created_at')} AS "createdAt", u.merged_into::text AS "mergedInto",
  coalesce(s.bookings, 0)::int AS "totalBookings", coalesce(s.spent, '{}') AS "totalSpent",
  ${isoSql('s.first')} AS "firstBookingAt", ${isoSql('s.last')} AS "lastBookingAt"`;

/** Joins the figures of a user, as columns `bookings`, `spent`, `first` and `last` of `s`. */
export const figuresJoin = (schema: string, userId: string): string => `LEFT JOIN LATERAL (
  SELECT sum(x.bookings) AS bookings, json_object_agg(x.currency, x.spent::text ORDER BY x.currency) FILTER (WHERE x.currency <> '') AS spent,
    min(x.first_booking_at) FILTER (WHERE x.bookings > 0) AS first, max(x.last_booking_at) FILTER (WHERE x.bookings > 0) AS last
  FROM ${qualified(schema, 'user_statistics')} x WHERE x.user_id = ${userId}) s ON true`;

/** The user; undefined when there is none. Throws DroverError. */
export async function findUser(
  client: pg.Pool | pg.PoolClient,
  schema: string,
  id: string,
): Promise<UserView | undefined> {
  const text = `SELECT ${userColumns} FROM ${qualified(schema, 'users')} u ${figuresJoin(schema, 'u.id')} WHERE u.id = $1::uuid`;
  return (await queryPrepared<UserView & Row>(client, undefined, text, [id]))[0];
}

/** Figures of some users by id. */
export async function usersById(pool: pg.Pool, schema: string, ids: readonly string[]): Promise<readonly UserView[]> {
  const text = `SELECT ${userColumns} FROM unnest($1::uuid[]) WITH ORDINALITY AS p(id, n)
    JOIN ${qualified(schema, 'users')} u ON u.id = p.id ${figuresJoin(schema, 'u.id')} ORDER BY p.n`;
  return queryPrepared<UserView & Row>(pool, undefined, text, [ids]);
}

/**
 * A page of users. Filters and figures are exact; the order by bookings, spent and last booking is that of the folded totals,
 * which are behind by the interval of folding. Throws BAD_REQUEST.
 */
export async function listUsers(pool: pg.Pool, schema: string, query: UserQuery): Promise<TwoWayPage<UserView>> {
  const name = query.sort ?? 'name';
  const sort = sorts[name];
  const order = query.order ?? (sort.descendsByDefault ? 'desc' : 'asc');
  const currency = name === 'spent' ? needCurrency(query) : '';
  const cursor = query.cursor === undefined ? undefined : parseCursor(query.cursor, cursorSchema);
  if (cursor !== undefined && (cursor[0] !== name || cursor[1] !== order || cursor[2] !== currency))
    parseCursor('', cursorSchema);
  const isBackward = cursor === undefined ? query.from === 'end' : cursor[3] === 'previous';
  const isDescending = (order === 'desc') !== isBackward;
  const segments = !sort.isFigure ? [1] : isDescending ? [1, 0] : [0, 1];
  const found: (PageRow & { segment: number })[] = [];
  for (const segment of segments) {
    const wanted = query.limit + 1 - found.length;
    // A cursor of the second segment has the first behind it.
    if (wanted <= 0 || (cursor !== undefined && segments.indexOf(segment) < segments.indexOf(cursor[4]))) continue;
    const place = cursor !== undefined && cursor[4] === segment ? ([cursor[5], cursor[6]] as const) : undefined;
    const { text, values } = segmentSql(schema, query, {
      ...sort,
      segment,
      currency,
      isDescending,
      place,
      limit: wanted,
    });
    const rows = await queryPrepared<PageRow>(pool, undefined, text, values);
    found.push(...rows.map((row) => ({ ...row, segment })));
  }
  const more = found.length > query.limit;
  const shown = found.slice(0, query.limit);
  if (isBackward) shown.reverse();
  const cursorAt = (row: (typeof shown)[number] | undefined, direction: 'next' | 'previous', exists: boolean) =>
    row === undefined || !exists
      ? null
      : JSON.stringify([name, order, currency, direction, row.segment, row.sort_key, row.id]);
  // A page that was reached by a cursor has at least the row of the cursor on the side it came from.
  const hasBefore = isBackward ? more : cursor !== undefined;
  const hasAfter = isBackward ? cursor !== undefined : more;
  return {
    items: await usersById(
      pool,
      schema,
      shown.map(({ id }) => id),
    ),
    nextCursor: cursorAt(shown.at(-1), 'next', hasAfter),
    previousCursor: cursorAt(shown[0], 'previous', hasBefore),
  };
}

interface SegmentQuery extends Sort {
  readonly segment: number;
  readonly currency: string;
  readonly isDescending: boolean;
  readonly place: readonly [string, string] | undefined;
  readonly limit: number;
}

/** The ids of one segment, with the key they are ordered by. */
function segmentSql(schema: string, query: UserQuery, part: SegmentQuery): { text: string; values: unknown[] } {
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const fn = (name: string): string => qualified(schema, `drover_${name}`);
  const totals = qualified(schema, 'user_totals');
  const withFigure = part.isFigure && part.segment === 1;
  const currency = part.isFigure ? (part.currency === '' ? `''` : bind(part.currency)) : '';
  const id = withFigure ? 't.user_id' : 'u.id';
  const key = part.segment === 0 ? undefined : part.key(fn);
  const conditions = filterSql(schema, query, bind);
  if (withFigure) conditions.push(`t.currency = ${currency}`);
  if (part.isFigure && !withFigure)
    conditions.push(`NOT EXISTS (SELECT FROM ${totals} t WHERE t.user_id = u.id AND t.currency = ${currency})`);
  const beyond = part.isDescending ? '<' : '>';
  if (part.place !== undefined)
    conditions.push(
      key === undefined
        ? `u.id ${beyond} ${bind(part.place[1])}::uuid`
        : `(${key}, ${id}) ${beyond} (${bind(part.place[0])}::${part.type}, ${bind(part.place[1])}::uuid)`,
    );
  const direction = part.isDescending ? 'DESC' : 'ASC';
  const text = `SELECT u.id::text AS id, ${key === undefined ? `''` : `(${key})::text`} AS sort_key FROM ${qualified(schema, 'users')} u
    ${withFigure ? `JOIN ${totals} t ON t.user_id = u.id` : ''} WHERE ${conditions.join(' AND ') || 'true'}
    ORDER BY ${key === undefined ? '' : `${key} ${direction}, `}${id} ${direction} LIMIT ${bind(part.limit)}`;
  return { text, values };
}

function filterSql(schema: string, query: UserQuery, bind: (value: unknown) => string): string[] {
  const { search, hasBookings, spentAtLeast, createdSince, createdUntil, merged = 'exclude' } = query;
  const conditions: string[] = [];
  if (merged !== 'include') conditions.push(`u.merged_into IS ${merged === 'only' ? 'NOT ' : ''}NULL`);
  if (search !== undefined) {
    const text = `${qualified(schema, 'drover_search_text')}(u.first_name, u.last_name, u.email, u.phone)`;
    conditions.push(`${text} LIKE ${bind(`%${likeText(search)}%`)}`);
  }
  if (createdSince !== undefined) conditions.push(`u.created_at >= ${bind(createdSince)}::timestamptz`);
  if (createdUntil !== undefined) conditions.push(`u.created_at < ${bind(createdUntil)}::timestamptz`);
  if (hasBookings !== undefined)
    conditions.push(`${hasBookings ? '' : 'NOT '}${figureAtLeast(schema, 'bookings', `''`, '1', hasBookings)}`);
  // At least nothing is true of everybody, also without a figure.
  if (spentAtLeast !== undefined && BigInt(spentAtLeast) > 0n) {
    const currency = bind(needCurrency(query));
    conditions.push(figureAtLeast(schema, 'spent', currency, `${bind(spentAtLeast)}::bigint`, true));
  }
  return conditions;
}

/** The exact figure, after the few users that can have it were found by an index. */
function figureAtLeast(schema: string, figure: string, currency: string, least: string, narrow: boolean): string {
  const candidates = `u.id IN (SELECT c.user_id FROM ${qualified(schema, 'user_totals')} c WHERE c.currency = ${currency} AND c.${figure} >= ${least}
    UNION ALL SELECT c.user_id FROM ${qualified(schema, 'user_statistics_deltas')} c WHERE c.currency = ${currency}) AND `;
  return `(${narrow ? candidates : ''}EXISTS (SELECT FROM ${qualified(schema, 'user_statistics')} f
    WHERE f.user_id = u.id AND f.currency = ${currency} AND f.${figure} >= ${least}))`;
}

/** A digit string with marks between is looked for by its digits, as numbers are stored for the search. */
function likeText(search: string): string {
  const text = search.normalize('NFC').trim().toLowerCase();
  const plain = /^\+?[\d\s().-]+$/.test(text) && /\d{3}/.test(text.replace(/\D/g, '')) ? text.replace(/\D/g, '') : text;
  return plain.replace(/[\\%_]/g, (mark) => `\\${mark}`);
}

function needCurrency({ currency }: UserQuery): string {
  if (currency !== undefined) return currency;
  throw new DroverError('BAD_REQUEST', 'what was spent is known by currency, and the request names none', {
    field: 'query.currency',
    remedy: 'Add `currency=USD`.',
  });
}
