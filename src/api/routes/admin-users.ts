import { z } from 'zod';
import type { ActivityView, NoteView, PaymentView } from '../../payments/admin/details.sql.ts';
import {
  type MergeResult,
  type MergeView,
  mergedFilters,
  type UserView,
  userSorts,
} from '../../payments/admin/types.ts';
import { actorOf } from '../auth/access.ts';
import type { Api, ApiDeps } from '../types.ts';
import { arrayCursor, targetSchemaQuery } from './admin-bookings.ts';
import {
  count,
  decodeCursor,
  encodeCursor,
  encodePage,
  idempotencyHeader,
  pageOf,
  pageQuery,
  reasonSchema,
  responses,
  storableText,
  text,
} from './common.ts';

const nullableText = text.nullable();
const minor = text.describe('Minor units');
const figures = {
  totalBookings: count,
  totalSpent: z
    .record(text, text)
    .describe('Minor units by currency, net of refunds and lost disputes: `{"PHP": "125000"}`'),
  firstBookingAt: nullableText,
  lastBookingAt: nullableText,
};
const userSchema = z
  .object({
    ...{ id: text, email: text, firstName: nullableText, lastName: nullableText, phone: nullableText },
    ...{ companyName: nullableText, createdAt: nullableText },
    mergedInto: nullableText.describe('The user that has the rows of this one'),
    ...figures,
  })
  .meta({ id: 'User' }) satisfies z.ZodType<UserView>;
const mergeSchema = z
  .object({
    ...{ id: text, userId: text, into: text, reason: text, actor: text, mergedAt: text, undoneAt: nullableText },
  })
  .meta({ id: 'UserMerge' }) satisfies z.ZodType<MergeView>;
const providerObject = z.object({
  ...{ id: text, amount: minor, currency: text, status: text, reason: nullableText, happenedAt: nullableText },
});
const paymentSchema = z
  .object({
    ...{ id: text, bookingId: nullableText, reference: text, amount: minor, currency: text },
    status: text.describe('Follows from the entries'),
    ...{ failureCode: nullableText, method: nullableText, provider: text, providerPaymentId: nullableText },
    ...{ paidAt: nullableText, createdAt: text },
    entries: z
      .array(z.object({ kind: text, object: text, amount: minor, currency: text, happenedAt: nullableText }))
      .readonly()
      .describe('Movements of money; negative when it leaves'),
    refunds: z.array(providerObject).readonly(),
    disputes: z.array(providerObject).readonly(),
  })
  .meta({ id: 'UserPayment' }) satisfies z.ZodType<PaymentView>;
const noteSchema = z
  .object({ id: text, userId: text, kind: text, author: text, body: text, createdAt: nullableText })
  .meta({ id: 'UserNote' }) satisfies z.ZodType<NoteView>;
const activitySchema = z
  .object({
    ...{ id: text, kind: text, paymentId: nullableText, bookingId: nullableText, amount: nullableText },
    ...{ currency: nullableText, happenedAt: nullableText, createdAt: text },
  })
  .meta({ id: 'UserActivity' }) satisfies z.ZodType<ActivityView>;
const mergeResult = z
  .object({
    dryRun: z.boolean(),
    mergeId: nullableText,
    userId: text,
    into: text,
    tables: z
      .array(z.object({ table: text, column: text, moved: count, kept: count }))
      .readonly()
      .describe('kept: rows that stay, because a unique key allows no second one, or because they were changed since'),
  })
  .meta({ id: 'UserMergeResult' }) satisfies z.ZodType<MergeResult>;

const instantQuery = z.iso.datetime({ offset: true }).optional();
const usersQuery = z.strictObject({
  ...pageQuery,
  targetSchema: targetSchemaQuery,
  search: storableText(1, 200).optional().describe('A part of name, e-mail address or telephone number'),
  sort: z.enum(userSorts).optional().describe('Default: name. spent needs a currency'),
  order: z.enum(['asc', 'desc']).optional().describe('Default: asc for name, desc for the others'),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .optional(),
  hasBookings: z.enum(['true', 'false']).optional(),
  spentAtLeast: z
    .string()
    .regex(/^\d{1,18}$/)
    .optional()
    .describe('Minor units; needs a currency'),
  createdSince: instantQuery,
  createdUntil: instantQuery.describe('Exclusive'),
  merged: z.enum(mergedFilters).optional().describe('Users that were merged into others. Default: exclude'),
  from: z.enum(['start', 'end']).optional().describe('end: the last page, without a cursor'),
});
const userParams = z.strictObject({ id: z.uuid().describe('Id of the user') });
const ofUserQuery = z.strictObject({ ...pageQuery, targetSchema: targetSchemaQuery });
const oneQuery = z.strictObject({ targetSchema: targetSchemaQuery });
const mergeBody = z.strictObject({ into: z.uuid(), reason: reasonSchema, dryRun: z.boolean().optional() });
const undoBody = z.strictObject({ reason: reasonSchema, dryRun: z.boolean().optional() });

const config = { access: 'operator' } as const;
const route = <const T extends object>(operationId: string, summary: string, schema: T) => ({
  ...{ tags: ['admin'], operationId, summary },
  ...schema,
});

/** Users that a migration of bookings made: lists, details, notes, and merges. All of it is personal data. */
export function adminUserRoutes(app: Api, { admin }: Pick<ApiDeps, 'admin'>): void {
  app.get('/users', { config, schema: listSchema }, async ({ query }) => {
    const { cursor, limit = 50, hasBookings, ...filter } = query;
    const page = await admin.users({
      ...{ ...filter, limit, cursor: decodeCursor(cursor, arrayCursor) },
      hasBookings: hasBookings === undefined ? undefined : hasBookings === 'true',
    });
    const encode = (one: string | null) => (one === null ? null : encodeCursor(one));
    return { items: page.items, nextCursor: encode(page.nextCursor), previousCursor: encode(page.previousCursor) };
  });
  app.get('/users/:id', { config, schema: userRouteSchema }, ({ params, query }) =>
    admin.user({ ...query, userId: params.id }),
  );
  const pageRequest = ({
    params,
    query,
  }: {
    params: z.output<typeof userParams>;
    query: z.output<typeof ofUserQuery>;
  }) => ({
    ...{ targetSchema: query.targetSchema, userId: params.id, limit: query.limit ?? 50 },
    cursor: decodeCursor(query.cursor, arrayCursor),
  });
  app.get('/users/:id/bookings', { config, schema: userBookingsSchema }, async (request) =>
    encodePage(await admin.userBookings(pageRequest(request))),
  );
  app.get('/users/:id/payments', { config, schema: userPaymentsSchema }, async (request) =>
    encodePage(await admin.userPayments(pageRequest(request))),
  );
  app.get('/users/:id/notes', { config, schema: userNotesSchema }, async (request) =>
    encodePage(await admin.userNotes(pageRequest(request))),
  );
  app.get('/users/:id/activity', { config, schema: userActivitySchema }, async (request) =>
    encodePage(await admin.userActivity(pageRequest(request))),
  );
  app.post('/users/:id/notes', { config, schema: addNoteSchema }, async (request, reply) => {
    const { params, query, body } = request;
    const note = await admin.addNote({ ...query, userId: params.id, body: body.body }, actorOf(request));
    return reply.code(201).send(note);
  });
  app.post('/users/:id/merge', { config, schema: mergeRouteSchema }, (request) => {
    const { params, query, body } = request;
    return admin.merge({ ...query, userId: params.id, ...body, dryRun: body.dryRun ?? false }, actorOf(request));
  });
  app.post('/merges/:id/undo', { config, schema: undoRouteSchema }, (request) => {
    const { params, query, body } = request;
    return admin.undoMerge({ ...query, mergeId: params.id, ...body, dryRun: body.dryRun ?? false }, actorOf(request));
  });
}

const listSchema = route('listUsers', 'Users with their figures, searched, filtered and ordered, in pages both ways', {
  querystring: usersQuery,
  response: responses({ 200: pageOf(userSchema).extend({ previousCursor: nullableText }) }),
});
const userRouteSchema = route('getUser', 'A user with figures and merges', {
  params: userParams,
  querystring: oneQuery,
  response: responses({
    200: userSchema.extend({ merges: z.array(mergeSchema).readonly() }).meta({ id: 'UserDetails' }),
  }),
});
const listOfUser = <T extends z.ZodType>(operationId: string, summary: string, item: T) =>
  route(operationId, summary, {
    params: userParams,
    querystring: ofUserQuery,
    response: responses({ 200: pageOf(item) }),
  });
const userBookingsSchema = listOfUser(
  'listUserBookings',
  'The bookings of a user as columns of the table, the newest first',
  z.record(text, z.unknown()).readonly(),
);
const userPaymentsSchema = listOfUser(
  'listUserPayments',
  'The payments of a user with entries, refunds and disputes, the newest first',
  paymentSchema,
);
const userNotesSchema = listOfUser('listUserNotes', 'Notes about a user, the newest first', noteSchema);
const userActivitySchema = listOfUser(
  'listUserActivity',
  'What happened to a user’s payments, the newest first',
  activitySchema,
);
const addNoteSchema = route('addUserNote', 'Adds a note about a user', {
  params: userParams,
  querystring: oneQuery,
  headers: idempotencyHeader,
  body: z.strictObject({ body: storableText(1, 10_000) }),
  response: responses({ 201: noteSchema }),
});
const mergeRouteSchema = route('mergeUser', 'Gives all rows of the user to another one; it can be undone', {
  params: userParams,
  querystring: oneQuery,
  headers: idempotencyHeader,
  body: mergeBody,
  response: responses({ 200: mergeResult }),
});
const undoRouteSchema = route(
  'undoUserMerge',
  'Gives the rows of a merge back, with those that came by the merged address',
  {
    params: z.strictObject({ id: z.uuid().describe('Id of the merge') }),
    querystring: oneQuery,
    headers: idempotencyHeader,
    body: undoBody,
    response: responses({ 200: mergeResult }),
  },
);
