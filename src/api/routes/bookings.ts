import { z } from 'zod';
import { type LinkPlan, type LinkView, linkStates, type StatisticsCheck } from '../../contract/bookings.ts';
import { actorOf } from '../auth/access.ts';
import type { Api, ApiDeps } from '../types.ts';
import { count, idempotencyHeader, reasonSchema, responses, storableText, text } from './common.ts';

const targetSchema = storableText(1, 63)
  .optional()
  .describe('The schema of the users. Default: that of the newest migration of bookings');
const stateSchema = z.enum(linkStates);

const linkSchema = z
  .object({
    targetSchema: text,
    table: text,
    state: stateSchema,
    pausedIn: stateSchema.nullable().describe('Where a paused link goes on'),
    linked: count.describe('Rows of the table that have a user now'),
    passed: count.describe('Rows that filling has passed'),
    estimatedRows: z.number().describe('Rows of the table by the planner’s statistics: an estimate'),
    batchSize: count,
    hold: z
      .object({ reason: text, value: z.number(), limit: z.number() })
      .nullable()
      .describe('Why no batch is begun at the moment, with the value measured and its limit'),
    lastError: text.nullable().describe('Of the last try; it is tried again'),
    startedAt: text,
    updatedAt: text,
    finishedAt: text.nullable(),
  })
  .meta({ id: 'BookingLink' }) satisfies z.ZodType<LinkView>;

const planSchema = z
  .object({
    table: text,
    estimatedRows: z.number(),
    triggers: z
      .array(z.object({ name: text, definition: text }))
      .readonly()
      .describe('Triggers of the owner that fire for every row that is linked'),
    statements: z.array(text).readonly(),
    problems: z.array(text).readonly().describe('Why a start is refused; empty when it is not'),
  })
  .meta({ id: 'BookingLinkPlan' }) satisfies z.ZodType<LinkPlan>;

const startBody = z.strictObject({
  targetSchema,
  acceptTriggers: z.array(storableText(1, 63)).max(100).optional().describe('Names of triggers that may fire'),
  reason: reasonSchema,
});
const changeBody = z.strictObject({ targetSchema, reason: reasonSchema });
const undoBody = z.strictObject({ targetSchema, reason: reasonSchema, dryRun: z.boolean().optional() });
const schemaQuery = z.strictObject({ targetSchema });

const checkSchema = z
  .object({
    targetSchema: text,
    users: count,
    differences: z
      .array(
        z.object({
          userId: text,
          currency: text.describe('Empty for bookings'),
          figure: z.enum(['bookings', 'spent', 'first_booking_at', 'last_booking_at']),
          kept: text.nullable(),
          recomputed: text.nullable(),
        }),
      )
      .readonly()
      .describe('At most a thousand'),
  })
  .meta({ id: 'StatisticsCheck' }) satisfies z.ZodType<StatisticsCheck>;

const tags = ['bookings'];
const operator = { access: 'operator' } as const;
const viewer = { access: 'viewer' } as const;
const route = <const T extends object>(operationId: string, summary: string, schema: T) => ({
  ...{ tags, operationId, summary },
  ...schema,
});

/** The link of a live bookings table with its users, and the statistics of users. */
export function bookingRoutes(app: Api, { bookings }: Pick<ApiDeps, 'bookings'>): void {
  const { link } = bookings;
  app.get('/bookings/link', { config: viewer, schema: viewLinkSchema }, ({ query }) => link.view(query.targetSchema));
  app.get('/bookings/link/plan', { config: viewer, schema: planLinkSchema }, ({ query }) => {
    const { triggers, ...request } = query;
    return link.plan({ ...request, acceptTriggers: triggers?.split(',') });
  });
  app.post('/bookings/link', { config: operator, schema: startLinkSchema }, (request) =>
    link.start(request.body, actorOf(request)),
  );
  app.post('/bookings/link/pause', { config: operator, schema: changeLinkSchema('pause') }, (request) =>
    link.pause(request.body, actorOf(request)),
  );
  app.post('/bookings/link/resume', { config: operator, schema: changeLinkSchema('resume') }, (request) =>
    link.resume(request.body, actorOf(request)),
  );
  app.post('/bookings/link/undo', { config: operator, schema: undoLinkSchema }, async (request) => {
    const { dryRun = false, ...body } = request.body;
    return { dryRun, statements: await link.undo({ ...body, dryRun }, actorOf(request)) };
  });
  app.get('/bookings/statistics/check', { config: viewer, schema: checkStatisticsSchema }, ({ query }) =>
    bookings.checkStatistics(query.targetSchema),
  );
  app.post('/bookings/statistics/repair', { config: operator, schema: repairStatisticsSchema }, (request) =>
    bookings.repairStatistics(request.body, actorOf(request)),
  );
}

const viewLinkSchema = route('getBookingLink', 'How far the link of a bookings table is, and what holds it', {
  querystring: schemaQuery,
  response: responses({ 200: linkSchema }),
});
const planLinkSchema = route('planBookingLink', 'What a start of the link would do, and why it would be refused', {
  querystring: z.strictObject({ targetSchema, triggers: text.optional().describe('Accepted triggers, with commas') }),
  response: responses({ 200: planSchema }),
});
const startLinkSchema = route(
  'startBookingLink',
  'Links new rows by a trigger from now on, and fills the rest in batches',
  {
    headers: idempotencyHeader,
    body: startBody,
    response: responses({ 200: linkSchema }),
  },
);
const changeLinkSchema = (action: 'pause' | 'resume') =>
  route(`${action}BookingLink`, action === 'pause' ? 'Begins no further batch' : 'Goes on where it was paused', {
    headers: idempotencyHeader,
    body: changeBody,
    response: responses({ 200: linkSchema }),
  });
const undoLinkSchema = route('undoBookingLink', 'Removes triggers, column, index and key of the link', {
  headers: idempotencyHeader,
  body: undoBody,
  response: responses({ 200: z.object({ dryRun: z.boolean(), statements: z.array(text).readonly() }) }),
});
const checkStatisticsSchema = route('checkStatistics', 'Recomputes the statistics of all users and compares', {
  querystring: schemaQuery,
  response: responses({ 200: checkSchema }),
});
const repairStatisticsSchema = route('repairStatistics', 'Corrects the statistics that differ; answers what differed', {
  headers: idempotencyHeader,
  body: changeBody,
  response: responses({ 200: checkSchema }),
});
