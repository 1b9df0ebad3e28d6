import type pg from 'pg';
import { queryPrepared, type Row } from '../../../db/sql.ts';
import type { Page } from '../../contract/runs.ts';
import { qualified } from '../../plan/sql.ts';
import { isoSql, type MergeView, parseCursor, placeCursor } from './types.ts';

export interface PageRequest {
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export interface EntryView {
  readonly kind: string;
  readonly object: string;
  readonly amount: string;
  readonly currency: string;
  readonly happenedAt: string | null;
}

/** A refund or a dispute as the provider shows it. */
export interface ProviderObjectView {
  readonly id: string;
  readonly amount: string;
  readonly currency: string;
  readonly status: string;
  readonly reason: string | null;
  readonly happenedAt: string | null;
}

/** Amounts are minor units as decimal strings. */
export interface PaymentView {
  readonly id: string;
  readonly bookingId: string | null;
  readonly reference: string;
  readonly amount: string;
  readonly currency: string;
  /** Follows from the entries. */
  readonly status: string;
  readonly failureCode: string | null;
  readonly method: string | null;
  readonly provider: string;
  readonly providerPaymentId: string | null;
  readonly paidAt: string | null;
  readonly createdAt: string;
  readonly entries: readonly EntryView[];
  readonly refunds: readonly ProviderObjectView[];
  readonly disputes: readonly ProviderObjectView[];
}

export interface NoteView {
  readonly id: string;
  readonly userId: string;
  readonly kind: string;
  readonly author: string;
  readonly body: string;
  readonly createdAt: string | null;
}

export interface ActivityView {
  readonly id: string;
  readonly kind: string;
  readonly paymentId: string | null;
  readonly bookingId: string | null;
  readonly amount: string | null;
  readonly currency: string | null;
  readonly happenedAt: string | null;
  readonly createdAt: string;
}

interface PagedRow extends Row {
  readonly at: string;
  readonly id: string;
}

/** A page of rows of a user, the newest first: `at` and `id` are SQL expressions of the row `r`. */
async function pageOfUser<T>(
  pool: pg.Pool,
  { from, columns, at, id, idType }: { from: string; columns: string; at: string; id: string; idType: string },
  userId: string,
  { cursor, limit }: PageRequest,
): Promise<Page<T>> {
  const values: unknown[] = [userId, limit + 1];
  if (cursor !== undefined) values.push(...parseCursor(cursor, placeCursor));
  const beyond = cursor === undefined ? '' : `AND (${at}, ${id}) < ($3::timestamptz, $4::${idType})`;
  const text = `SELECT ${columns}, (${at})::text AS at, ${id}::text AS id FROM ${from} r
    WHERE r.user_id = $1::uuid ${beyond} ORDER BY ${at} DESC, ${id} DESC LIMIT $2`;
  const rows = await queryPrepared<PagedRow>(pool, undefined, text, values);
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(({ at: _, ...row }) => row as T),
    nextCursor: rows.length > limit && last !== undefined ? JSON.stringify([last.at, last.id]) : null,
  };
}

const objectsSql = (schema: string, kind: 'refund' | 'dispute'): string => `coalesce((
  SELECT json_agg(json_build_object('id', o.provider_${kind}_id, 'amount', o.amount::text, 'currency', o.currency, 'status', o.status,
    'reason', o.reason, 'happenedAt', ${isoSql('o.happened_at')}) ORDER BY o.happened_at, o.provider_${kind}_id)
  FROM ${qualified(schema, `${kind}s`)} o WHERE o.payment_id = r.id), '[]') AS ${kind}s`;

export function paymentsOfUser(
  pool: pg.Pool,
  schema: string,
  userId: string,
  page: PageRequest,
): Promise<Page<PaymentView>> {
  const columns = `r.booking_id AS "bookingId", r.payment_reference AS reference, r.amount::text AS amount, r.currency, r.status,
    r.failure_code AS "failureCode", r.method, r.provider, r.provider_payment_id AS "providerPaymentId",
    ${isoSql('r.paid_at')} AS "paidAt", ${isoSql('r.created_at')} AS "createdAt",
    coalesce((SELECT json_agg(json_build_object('kind', e.kind, 'object', e.object, 'amount', e.amount::text, 'currency', e.currency,
      'happenedAt', ${isoSql('e.happened_at')}) ORDER BY e.created_at, e.happened_at, e.kind, e.object)
      FROM ${qualified(schema, 'payment_entries')} e WHERE e.payment_id = r.id), '[]') AS entries,
    ${objectsSql(schema, 'refund')}, ${objectsSql(schema, 'dispute')}`;
  const at = 'coalesce(r.paid_at, r.created_at)';
  return pageOfUser(
    pool,
    { from: qualified(schema, 'payments'), columns, at, id: 'r.id', idType: 'uuid' },
    userId,
    page,
  );
}

export function notesOfUser(pool: pg.Pool, schema: string, userId: string, page: PageRequest): Promise<Page<NoteView>> {
  const at = `coalesce(r.created_at, '-infinity'::timestamptz)`;
  return pageOfUser(
    pool,
    { from: qualified(schema, 'user_notes'), columns: noteColumns, at, id: 'r.id', idType: 'uuid' },
    userId,
    page,
  );
}

const noteColumns = `r.user_id::text AS "userId", r.kind, r.author, r.body, ${isoSql('r.created_at')} AS "createdAt"`;

/** The note is the surviving user's when the user was merged. */
export async function addNote(
  client: pg.Pool | pg.PoolClient,
  schema: string,
  note: { readonly userId: string; readonly author: string; readonly body: string },
): Promise<NoteView> {
  const text = `INSERT INTO ${qualified(schema, 'user_notes')} AS r (id, user_id, kind, author, body, created_at)
    VALUES (gen_random_uuid(), $1::uuid, 'note', $2, $3, now()) RETURNING r.id::text AS id, ${noteColumns}`;
  const [row] = await queryPrepared<NoteView & Row>(client, undefined, text, [note.userId, note.author, note.body]);
  return row as NoteView;
}

export function activityOfUser(
  pool: pg.Pool,
  schema: string,
  userId: string,
  page: PageRequest,
): Promise<Page<ActivityView>> {
  const columns = `r.kind, r.payment_id::text AS "paymentId", r.booking_id AS "bookingId", r.amount::text AS amount, r.currency,
    ${isoSql('r.happened_at')} AS "happenedAt", ${isoSql('r.created_at')} AS "createdAt"`;
  const at = 'coalesce(r.happened_at, r.created_at)';
  return pageOfUser(
    pool,
    { from: qualified(schema, 'user_activity_logs'), columns, at, id: 'r.id', idType: 'bigint' },
    userId,
    page,
  );
}

/** Merges of a user, into it and of it, the newest first. */
export function mergesOfUser(pool: pg.Pool, schema: string, userId: string): Promise<MergeView[]> {
  const text = `SELECT m.id::text AS id, m.user_id::text AS "userId", m.into_id::text AS into, m.reason, m.actor,
      ${isoSql('m.merged_at')} AS "mergedAt", ${isoSql('m.undone_at')} AS "undoneAt"
    FROM ${qualified(schema, 'user_merges')} m WHERE m.user_id = $1::uuid OR m.into_id = $1::uuid ORDER BY m.merged_at DESC LIMIT 100`;
  return queryPrepared<MergeView & Row>(pool, undefined, text, [userId]);
}
