import type pg from 'pg';
import { queryPrepared, type Row } from '../../../db/sql.ts';
import { DroverError } from '../../errors.ts';
import { identifier, qualified } from '../../plan/sql.ts';
import { contactKeySql, linkNames, tableOf } from '../link/statements.ts';
import { findLink } from '../link/store.sql.ts';
import type { BookingsTable } from '../link/types.ts';
import { moveRows, moveRowsBack, userReferences } from './references.sql.ts';
import type { MovedRows } from './types.ts';

/**
 * Merging two users, and undoing it.
 *
 * Glossary
 * - merged user: the one that is given up. Its row stays, with `merged_into`, so that its fields are not lost.
 * - survivor: the user that has all rows afterwards. Its own fields stay as they are.
 */

interface UserRow extends Row {
  readonly id: string;
  readonly merged_into: string | null;
}

/** The rows of two users, locked in the order of their ids, so that no row that names them is added meanwhile. */
async function lockUsers(client: pg.PoolClient, schema: string, ids: readonly string[]): Promise<Map<string, UserRow>> {
  const text = `SELECT u.id::text AS id, u.merged_into::text AS merged_into FROM ${qualified(schema, 'users')} u
    WHERE u.id = ANY ($1::uuid[]) ORDER BY u.id FOR UPDATE`;
  const rows = await queryPrepared<UserRow>(client, undefined, text, [ids]);
  const found = new Map(rows.map((row) => [row.id, row]));
  const missing = ids.find((id) => !found.has(id));
  if (missing !== undefined) throw new DroverError('NOT_FOUND', `there is no user ${missing}`);
  return found;
}

export interface Merge {
  readonly userId: string;
  readonly into: string;
  readonly reason: string;
  readonly actor: string;
}

/** Merges in the transaction of the client. Answers the merge's id and what was moved. Throws DroverError. */
export async function mergeUsers(
  client: pg.PoolClient,
  schema: string,
  { userId, into, reason, actor }: Merge,
): Promise<{ readonly mergeId: string; readonly tables: readonly MovedRows[] }> {
  if (userId === into)
    throw new DroverError('BAD_REQUEST', 'a user cannot be merged into itself', { field: 'body.into' });
  const users = await lockUsers(client, schema, [userId, into]);
  for (const [id, { merged_into: other }] of users)
    if (other !== null)
      throw new DroverError('NOT_ALLOWED_NOW', `user ${id} was merged into ${other}`, {
        remedy: id === into ? `Merge into ${other}.` : 'Nothing to do; GET /api/admin/users/:id shows the merge.',
      });
  const bookings = (await findLink(client, schema))?.bookings;
  const references = await userReferences(client, schema, bookings);
  const [merge] = await queryPrepared<{ id: string }>(
    client,
    undefined,
    `INSERT INTO ${qualified(schema, 'user_merges')} (user_id, into_id, reason, actor) VALUES ($1, $2, $3, $4) RETURNING id::text AS id`,
    [userId, into, reason, actor],
  );
  const mergeId = merge?.id as string;
  if (bookings !== undefined) await noteSurvivorsBookings(client, schema, bookings, mergeId, userId, into);
  const tables = await moveAll(client, schema, references, { mergeId, from: userId, into });
  await queryPrepared(
    client,
    undefined,
    `UPDATE ${qualified(schema, 'users')} SET merged_into = $2::uuid WHERE id = $1::uuid`,
    [userId, into],
  );
  return { mergeId, tables };
}

async function moveAll(
  client: pg.PoolClient,
  schema: string,
  references: Awaited<ReturnType<typeof userReferences>>,
  move: Parameters<typeof moveRows>[3],
): Promise<MovedRows[]> {
  const tables: MovedRows[] = [];
  for (const reference of references) {
    const rows = await moveRows(client, schema, reference, move);
    if (rows.moved + rows.kept > 0) tables.push(rows);
  }
  return tables;
}

/**
 * Moves rows that were written for the merged user while the merge was waiting for, or waited for by, their transaction: they
 * had looked the user up before. In a transaction of its own, after the merge's.
 */
export async function moveLateRows(client: pg.PoolClient, schema: string, mergeId: string): Promise<void> {
  const merge = await findMerge(client, schema, mergeId);
  if (merge === undefined || merge.undone) return;
  await lockUsers(client, schema, [merge.user_id]);
  const bookings = (await findLink(client, schema))?.bookings;
  const references = await userReferences(client, schema, bookings);
  await moveAll(client, schema, references, { mergeId, from: merge.user_id, into: merge.into_id });
}

const addressesOf = (
  schema: string,
): string => `SELECT m.key ->> 'email_key' FROM ${qualified(schema, 'user_merge_rows')} m
  WHERE m.merge_id = $1::uuid AND m.table_name = $2 AND m.moved`;

/** A booking of the survivor that has an address of the merged user did not come by the merge, and stays when it is undone. */
async function noteSurvivorsBookings(
  client: pg.PoolClient,
  schema: string,
  bookings: BookingsTable,
  mergeId: string,
  userId: string,
  into: string,
): Promise<void> {
  const column = identifier(linkNames.column);
  const text = `INSERT INTO ${qualified(schema, 'user_merge_rows')} (merge_id, table_name, column_name, key, moved)
    SELECT $1::uuid, $4, $5, jsonb_build_object($6::text, b.${identifier(bookings.key)}::text), false FROM ${tableOf(bookings)} b
    WHERE b.${column} = $3::uuid AND ${contactKeySql(schema, bookings, 'b')} IN (
      SELECT e.email_key FROM ${qualified(schema, 'user_emails')} e WHERE e.user_id = $2::uuid)`;
  await queryPrepared(client, undefined, text, [
    ...[mergeId, userId, into, tableOf(bookings), linkNames.column, bookings.key],
  ]);
}

interface MergeRow extends Row {
  readonly id: string;
  readonly user_id: string;
  readonly into_id: string;
  readonly undone: boolean;
}

async function findMerge(client: pg.PoolClient, schema: string, mergeId: string): Promise<MergeRow | undefined> {
  const text = `SELECT m.id::text AS id, m.user_id::text AS user_id, m.into_id::text AS into_id, m.undone_at IS NOT NULL AS undone
    FROM ${qualified(schema, 'user_merges')} m WHERE m.id = $1::uuid FOR UPDATE`;
  return (await queryPrepared<MergeRow>(client, undefined, text, [mergeId]))[0];
}

/** Undoes a merge in the transaction of the client. Throws NOT_FOUND, and NOT_ALLOWED_NOW while a later merge is in the way. */
export async function undoMerge(
  client: pg.PoolClient,
  schema: string,
  mergeId: string,
  undone: { readonly reason: string; readonly actor: string },
  /** Name of the column with the reference of a booking, by which payments may name it. */
  referenceColumn: string,
): Promise<{ readonly userId: string; readonly into: string; readonly tables: readonly MovedRows[] }> {
  const merge = await findMerge(client, schema, mergeId);
  if (merge === undefined) throw new DroverError('NOT_FOUND', `there is no merge ${mergeId}`);
  if (merge.undone) throw new DroverError('NOT_ALLOWED_NOW', `merge ${mergeId} was undone already`);
  const { user_id: userId, into_id: into } = merge;
  const users = await lockUsers(client, schema, [userId, into]);
  const next = users.get(into)?.merged_into ?? null;
  if (next !== null)
    throw new DroverError('NOT_ALLOWED_NOW', `the surviving user ${into} was merged into ${next} later`, {
      remedy: 'Undo the later merge first.',
    });
  // First, so that no trigger sends the rows to the survivor again.
  await queryPrepared(
    client,
    undefined,
    `UPDATE ${qualified(schema, 'users')} SET merged_into = NULL WHERE id = $1::uuid`,
    [userId],
  );
  const bookings = (await findLink(client, schema))?.bookings;
  const tables: MovedRows[] = [];
  for (const reference of await userReferences(client, schema, bookings)) {
    const rows = await moveRowsBack(client, schema, reference, { mergeId, from: userId, into });
    if (rows.moved + rows.kept > 0) tables.push(rows);
  }
  const back = { mergeId, userId, into };
  if (bookings !== undefined) tables.push(...(await moveNewBookings(client, schema, bookings, back, referenceColumn)));
  tables.push(...(await moveNewActivity(client, schema, back)));
  await queryPrepared(
    client,
    undefined,
    `UPDATE ${qualified(schema, 'user_merges')} SET undone_at = now(), undone_by = $2, undo_reason = $3 WHERE id = $1::uuid`,
    [mergeId, undone.actor, undone.reason],
  );
  return { userId, into, tables };
}

interface Back {
  readonly mergeId: string;
  readonly userId: string;
  readonly into: string;
}

/** Bookings that came since the merge by an address of the merged user, and the payments that name them. */
async function moveNewBookings(
  client: pg.PoolClient,
  schema: string,
  bookings: BookingsTable,
  { mergeId, userId, into }: Back,
  referenceColumn: string,
): Promise<MovedRows[]> {
  const column = identifier(linkNames.column);
  const key = identifier(bookings.key);
  const text = `UPDATE ${tableOf(bookings)} b SET ${column} = $4::uuid WHERE b.${column} = $3::uuid
      AND ${contactKeySql(schema, bookings, 'b')} IN (${addressesOf(schema)})
      AND NOT EXISTS (SELECT FROM ${qualified(schema, 'user_merge_rows')} s WHERE s.merge_id = $1::uuid AND NOT s.moved
        AND s.table_name = $5 AND s.key ->> $6 = b.${key}::text)
    RETURNING b.${key}::text AS key, to_jsonb(b) ->> $7 AS reference`;
  const moved = await queryPrepared<{ key: string; reference: string | null }>(client, undefined, text, [
    ...[mergeId, qualified(schema, 'user_emails'), into, userId, tableOf(bookings), bookings.key, referenceColumn],
  ]);
  if (moved.length === 0) return [];
  const names = moved.flatMap((row) => (row.reference === null ? [row.key] : [row.key, row.reference]));
  const payments = await queryPrepared(
    client,
    undefined,
    `UPDATE ${qualified(schema, 'payments')} p SET user_id = $2::uuid WHERE p.user_id = $1::uuid AND p.booking_id = ANY ($3::text[]) RETURNING 1`,
    [into, userId, names],
  );
  return [
    { table: tableOf(bookings), column: linkNames.column, moved: moved.length, kept: 0 },
    ...(payments.length === 0
      ? []
      : [{ table: qualified(schema, 'payments'), column: 'user_id', moved: payments.length, kept: 0 }]),
  ];
}

/** What happened since the merge to payments that are the merged user's again. */
async function moveNewActivity(client: pg.PoolClient, schema: string, { userId, into }: Back): Promise<MovedRows[]> {
  const table = qualified(schema, 'user_activity_logs');
  const text = `UPDATE ${table} a SET user_id = $2::uuid FROM ${qualified(schema, 'payments')} p
    WHERE p.id = a.payment_id AND p.user_id = $2::uuid AND a.user_id = $1::uuid RETURNING 1`;
  const rows = await queryPrepared(client, undefined, text, [into, userId]);
  return rows.length === 0 ? [] : [{ table, column: 'user_id', moved: rows.length, kept: 0 }];
}
