import type pg from 'pg';
import { advisoryLockClasses } from '../../db/locks.ts';
import { queryPrepared, type Row, transaction } from '../../db/sql.ts';
import type { StatisticsCheck, StatisticsDifference } from '../contract/bookings.ts';
import { DroverError } from '../errors.ts';
import { identifier, qualified } from '../plan/sql.ts';
import { linkNames, tableOf } from './link/statements.ts';
import { findLink } from './link/store.sql.ts';
import type { BookingsTable } from './link/types.ts';

const foldSize = 5_000;

const foldSql = (schema: string): string => `
WITH taken AS (
  DELETE FROM ${qualified(schema, 'user_statistics_deltas')} WHERE id IN (
    SELECT id FROM ${qualified(schema, 'user_statistics_deltas')} ORDER BY id LIMIT ${foldSize})
  RETURNING user_id, currency, bookings, spent, first_booking_at, last_booking_at, look_up
), sums AS (
  SELECT user_id, currency, sum(bookings) AS bookings, sum(spent) AS spent, min(first_booking_at) AS first, max(last_booking_at) AS last,
    bool_or(look_up) AS look_up
  -- Those of a user that is gone are of no one.
  FROM taken t WHERE EXISTS (SELECT FROM ${qualified(schema, 'users')} u WHERE u.id = t.user_id) GROUP BY 1, 2
), put AS (
  INSERT INTO ${qualified(schema, 'user_totals')} AS t (user_id, currency, bookings, spent, first_booking_at, last_booking_at)
  SELECT user_id, currency, bookings, spent, first, last FROM sums ORDER BY user_id, currency
  ON CONFLICT (user_id, currency) DO UPDATE SET bookings = t.bookings + excluded.bookings, spent = t.spent + excluded.spent,
    first_booking_at = least(t.first_booking_at, excluded.first_booking_at),
    last_booking_at = greatest(t.last_booking_at, excluded.last_booking_at)
)
SELECT (SELECT count(*)::int FROM taken) AS taken, (SELECT array_agg(user_id) FROM sums WHERE look_up) AS look_up`;

/** First and last booking of users that lost one. */
const lookUpSql = (schema: string, table: BookingsTable): string => `
UPDATE ${qualified(schema, 'user_totals')} t SET (first_booking_at, last_booking_at) = (
  SELECT min(b.${identifier(table.createdAt)}::timestamptz), max(b.${identifier(table.createdAt)}::timestamptz) FROM ${tableOf(table)} b
  WHERE b.${identifier(linkNames.column)} = t.user_id)
WHERE t.user_id = ANY ($1::uuid[]) AND t.currency = ''`;

/**
 * Adds the oldest deltas of a schema to the totals, in one transaction; answers how many. One process folds at a time, and others
 * do nothing: a booking that was deleted must not be folded before it was made, or its time would come back afterwards.
 */
export async function foldStatistics(pool: pg.Pool, schema: string): Promise<number> {
  return transaction(pool, async (client) => {
    const lock = 'SELECT pg_try_advisory_xact_lock($1, hashtext($2)) AS held';
    const [{ held } = { held: false }] = await queryPrepared<{ held: boolean }>(client, undefined, lock, [
      advisoryLockClasses.statistics,
      schema,
    ]);
    if (!held) return 0;
    const [folded] = await queryPrepared<{ taken: number; look_up: string[] | null }>(
      client,
      undefined,
      foldSql(schema),
      [],
    );
    const users = folded?.look_up ?? [];
    if (users.length > 0) {
      const link = await findLink(client, schema);
      if (link) await queryPrepared(client, undefined, lookUpSql(schema, link.bookings), [users]);
    }
    return folded?.taken ?? 0;
  });
}

const maxDifferences = 1_000;

const checkSql = (schema: string, table: BookingsTable | undefined): string => {
  const kept = qualified(schema, 'drover_kept');
  const column = table && `b.${identifier(linkNames.column)}`;
  const at = table && `b.${identifier(table.createdAt)}::timestamptz`;
  const bookings = table
    ? `SELECT ${column} AS user_id, '' AS currency, count(*) AS bookings, 0::numeric AS spent, min(${at}) AS first, max(${at}) AS last
       FROM ${tableOf(table)} b WHERE ${column} IS NOT NULL GROUP BY 1`
    : `SELECT NULL::uuid AS user_id, '' AS currency, 0::bigint AS bookings, 0::numeric AS spent, NULL::timestamptz AS first, NULL::timestamptz AS last
       WHERE false`;
  return `
WITH truth AS (
  ${bookings}
  UNION ALL
  SELECT p.user_id, p.currency, 0, sum(${kept}(p.amount)), NULL, NULL FROM (
    SELECT e.user_id, e.payment_id, e.currency, sum(e.amount) AS amount FROM ${qualified(schema, 'payment_entries')} e
    WHERE e.user_id IS NOT NULL GROUP BY 1, 2, 3) p GROUP BY 1, 2
), compared AS (
  SELECT coalesce(t.user_id, s.user_id) AS user_id, coalesce(t.currency, s.currency) AS currency,
    coalesce(t.bookings, 0) AS t_bookings, coalesce(s.bookings, 0) AS s_bookings, coalesce(t.spent, 0) AS t_spent, coalesce(s.spent, 0) AS s_spent,
    t.first AS t_first, s.first_booking_at AS s_first, t.last AS t_last, s.last_booking_at AS s_last, coalesce(s.look_up, false) AS look_up
  FROM truth t FULL JOIN ${qualified(schema, 'user_statistics')} s ON s.user_id = t.user_id AND s.currency = t.currency
)
SELECT user_id AS "userId", currency, figure, kept, recomputed FROM compared, LATERAL (VALUES
  ('bookings', s_bookings::text, t_bookings::text, s_bookings <> t_bookings),
  ('spent', s_spent::text, t_spent::text, s_spent <> t_spent),
  -- After a booking was taken away they are known again when that was folded.
  ('first_booking_at', s_first::text, t_first::text, NOT look_up AND currency = '' AND t_bookings > 0 AND s_first IS DISTINCT FROM t_first),
  ('last_booking_at', s_last::text, t_last::text, NOT look_up AND currency = '' AND t_bookings > 0 AND s_last IS DISTINCT FROM t_last)
) AS v(figure, kept, recomputed, differs) WHERE differs ORDER BY 1, 2, 3 LIMIT ${maxDifferences}`;
};

/**
 * Recomputes every figure of a schema from the rows and compares, in one snapshot, beside whatever is written meanwhile. At most
 * a thousand differences are answered. Throws DroverError.
 */
export async function checkStatistics(pool: pg.Pool, schema: string): Promise<StatisticsCheck> {
  return transaction(pool, async (client) => {
    await queryPrepared(client, undefined, 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY', []);
    const link = await findLink(client, schema);
    const text = checkSql(schema, link?.bookings);
    const differences = await queryPrepared<StatisticsDifference & Row>(client, undefined, text, []);
    const [users] = await queryPrepared<{ n: number }>(
      client,
      undefined,
      `SELECT count(*)::int AS n FROM ${qualified(schema, 'users')}`,
      [],
    );
    return { targetSchema: schema, users: users?.n ?? 0, differences };
  });
}

/**
 * Corrects what the check found, by deltas: they add up with whatever is written meanwhile. Answers what was corrected.
 * Throws DroverError.
 */
export async function repairStatistics(pool: pg.Pool, schema: string): Promise<StatisticsCheck> {
  const check = await checkStatistics(pool, schema);
  if (check.differences.length >= maxDifferences)
    throw new DroverError('NOT_ALLOWED_NOW', `a thousand figures or more of ${schema} differ`, {
      remedy: 'Take the link back and start it again: `drover link undo`, then `drover link start`.',
    });
  const deltas = check.differences.map(({ userId, currency, figure, kept, recomputed }) => {
    const difference =
      BigInt(figure === 'bookings' || figure === 'spent' ? (recomputed ?? 0) : 0) -
      BigInt(figure === 'bookings' || figure === 'spent' ? (kept ?? 0) : 0);
    return {
      ...{ user_id: userId, currency, look_up: currency === '' },
      ...{
        bookings: figure === 'bookings' ? String(difference) : '0',
        spent: figure === 'spent' ? String(difference) : '0',
      },
    };
  });
  const text = `INSERT INTO ${qualified(schema, 'user_statistics_deltas')} (user_id, currency, bookings, spent, look_up)
    SELECT * FROM json_to_recordset($1::json) AS x(user_id uuid, currency text, bookings bigint, spent bigint, look_up boolean)`;
  if (deltas.length > 0) await queryPrepared(pool, undefined, text, [JSON.stringify(deltas)]);
  return check;
}
