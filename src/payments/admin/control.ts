import { Readable } from 'node:stream';
import type pg from 'pg';
import { type Database, queriesOf } from '../../../db/client.ts';
import { queryPrepared, transaction } from '../../../db/sql.ts';
import { appendAudit, createAuditLog } from '../../../db/stores/audit.ts';
import type { AuditEntry } from '../../contract/audit.ts';
import type { Actor, Page } from '../../contract/runs.ts';
import { runsBySchema } from '../../engine/webhooks/store.ts';
import { DroverError } from '../../errors.ts';
import { findPlace } from '../link/control.ts';
import { describeBookings, findLink } from '../link/store.sql.ts';
import { paymentSchemas } from '../payments.sql.ts';
import { allBookings, type BookingRow, type BookingsSource, bookingsOfUser, bookingsPage } from './bookings.sql.ts';
import {
  type ActivityView,
  activityOfUser,
  addNote,
  mergesOfUser,
  type NoteView,
  notesOfUser,
  type PageRequest,
  type PaymentView,
  paymentsOfUser,
} from './details.sql.ts';
import { mergeUsers, moveLateRows, undoMerge } from './merge.sql.ts';
import type { MergeResult, MergeView, TwoWayPage, UserQuery, UserView } from './types.ts';
import { findUser, listUsers } from './users.sql.ts';

type In = { readonly targetSchema?: string | undefined };
type OfUser = In & { readonly userId: string };

/**
 * The API of the applications on what a migration of bookings made. `targetSchema` is the schema of the users; default: that of
 * the newest migration. Every method throws DroverError: NOT_FOUND without such a schema or user, BAD_REQUEST for a wrong cursor.
 */
export interface AdminApi {
  /** The old answer, as the text of a JSON array: whole without a limit, and read as it is taken. */
  bookings(
    query: In & { readonly cursor?: string | undefined; readonly limit?: number | undefined },
  ): Promise<{ readonly json: Readable; readonly nextCursor: string | null }>;
  users(query: In & UserQuery): Promise<TwoWayPage<UserView>>;
  user(query: OfUser): Promise<UserView & { readonly merges: readonly MergeView[] }>;
  userBookings(query: OfUser & PageRequest): Promise<Page<BookingRow>>;
  userPayments(query: OfUser & PageRequest): Promise<Page<PaymentView>>;
  userNotes(query: OfUser & PageRequest): Promise<Page<NoteView>>;
  addNote(note: OfUser & { readonly body: string }, actor: Actor): Promise<NoteView>;
  userActivity(query: OfUser & PageRequest): Promise<Page<ActivityView>>;
  /** Gives all rows of a user to another one. Throws NOT_ALLOWED_NOW when one of them was merged before. */
  merge(
    request: OfUser & { readonly into: string; readonly reason: string; readonly dryRun: boolean },
    actor: Actor,
  ): Promise<MergeResult>;
  undoMerge(
    request: In & { readonly mergeId: string; readonly reason: string; readonly dryRun: boolean },
    actor: Actor,
  ): Promise<MergeResult>;
}

export function createAdminApi(database: Database, target: pg.Pool): AdminApi {
  const audit = createAuditLog(database);
  const schemaOf = async ({ targetSchema }: In): Promise<string> => {
    const schemas = await paymentSchemas(database, target);
    const schema = targetSchema === undefined ? schemas[0] : schemas.find((one) => one === targetSchema);
    if (schema !== undefined) return schema;
    throw new DroverError('NOT_FOUND', `no migration of bookings has filled ${targetSchema ?? 'a schema'}`, {
      remedy: 'Make users and payments first: `drover run bookings --schema SCHEMA`.',
    });
  };
  const source = async (schema: string): Promise<BookingsSource> => {
    const link = await findLink(target, schema);
    if (link !== undefined) return { schema, table: link.bookings, isLinked: true };
    const { names } = await findPlace(database, schema);
    return { schema, table: (await describeBookings(target, names)).table, isLinked: false };
  };
  const userOf = async (schema: string, id: string): Promise<UserView> => {
    const user = await findUser(target, schema, id);
    if (user !== undefined) return user;
    throw new DroverError('NOT_FOUND', `there is no user ${id} in schema ${schema}`);
  };
  /** Reads a list of a user, which must exist. */
  const listOf =
    <T>(read: (pool: pg.Pool, schema: string, userId: string, page: PageRequest) => Promise<Page<T>>) =>
    async (query: OfUser & PageRequest): Promise<Page<T>> => {
      const schema = await schemaOf(query);
      await userOf(schema, query.userId);
      return read(target, schema, query.userId, query);
    };
  // One transaction where both are in one database. Otherwise the audit entry is written just before the commit: a change is
  // never without its entry.
  const record = (client: pg.PoolClient, entry: AuditEntry): Promise<void> =>
    target === database.$client ? appendAudit(queriesOf(client), entry) : audit.append(entry);
  /** Changes in one transaction, with the audit entry; a dry run is rolled back. */
  const change = <T>(dryRun: boolean, work: (client: pg.PoolClient) => Promise<{ result: T; entry: AuditEntry }>) =>
    transaction(target, async (client) => {
      await queryPrepared(client, undefined, 'SAVEPOINT dry_run', []);
      const { result, entry } = await work(client);
      if (dryRun) await queryPrepared(client, undefined, 'ROLLBACK TO SAVEPOINT dry_run', []);
      else await record(client, entry);
      return result;
    });
  return {
    async bookings(query) {
      const schema = await schemaOf(query);
      const from = await source(schema);
      const { cursor, limit } = query;
      if (cursor === undefined && limit === undefined)
        return { json: Readable.from(allBookings(target, from), { highWaterMark: 1 }), nextCursor: null };
      const { items, nextCursor } = await bookingsPage(target, from, { cursor, limit: limit ?? 50 });
      return { json: Readable.from([`[${items.join(',')}]`]), nextCursor };
    },
    users: async (query) => listUsers(target, await schemaOf(query), query),
    async user(query) {
      const schema = await schemaOf(query);
      const user = await userOf(schema, query.userId);
      return { ...user, merges: await mergesOfUser(target, schema, user.id) };
    },
    userBookings: listOf(async (pool, schema, userId, page) =>
      bookingsOfUser(pool, await source(schema), userId, page),
    ),
    userPayments: listOf(paymentsOfUser),
    userNotes: listOf(notesOfUser),
    userActivity: listOf(activityOfUser),
    async addNote(note, actor) {
      const schema = await schemaOf(note);
      await userOf(schema, note.userId);
      return change(false, async (client) => {
        const result = await addNote(client, schema, { userId: note.userId, author: actor.id, body: note.body });
        const details = { targetSchema: schema, noteId: result.id };
        return { result, entry: entryOf(actor, 'user.note', `user:${result.userId}`, null, details) };
      });
    },
    async merge({ userId, into, reason, dryRun, ...query }, actor) {
      const schema = await schemaOf(query);
      const result = await change(dryRun, async (client) => {
        const { mergeId, tables } = await mergeUsers(client, schema, { userId, into, reason, actor: actor.id });
        const details = { targetSchema: schema, into, mergeId, tables };
        return { result: { mergeId, tables }, entry: entryOf(actor, 'user.merge', `user:${userId}`, reason, details) };
      });
      if (!dryRun) await transaction(target, (client) => moveLateRows(client, schema, result.mergeId));
      return { dryRun, mergeId: dryRun ? null : result.mergeId, userId, into, tables: result.tables };
    },
    async undoMerge({ mergeId, reason, dryRun, ...query }, actor) {
      const schema = await schemaOf(query);
      const reference = await referenceColumn(database, schema);
      return change(dryRun, async (client) => {
        const undone = await undoMerge(client, schema, mergeId, { reason, actor: actor.id }, reference);
        const details = { targetSchema: schema, mergeId, into: undone.into, tables: undone.tables };
        return {
          result: { dryRun, mergeId, ...undone },
          entry: entryOf(actor, 'user.merge.undo', `user:${undone.userId}`, reason, details),
        };
      });
    },
  };
}

function entryOf(
  actor: Actor,
  action: string,
  subject: string,
  reason: string | null,
  details: AuditEntry['details'],
): AuditEntry {
  return { actor: actor.id, role: actor.role, action, subject, reason, details };
}

/** The column of a booking's reference, as the run was told. */
async function referenceColumn(database: Database, schema: string): Promise<string> {
  const run = (await runsBySchema(database, 'bookings')).find(({ targetSchema }) => targetSchema === schema);
  const columns = (run?.params.columns ?? {}) as Readonly<Record<string, string>>;
  return columns.reference ?? 'bookingReference';
}
