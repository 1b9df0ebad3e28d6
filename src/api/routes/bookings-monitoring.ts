import { z } from 'zod';
import {
  type Anomaly,
  anomalyRules,
  type BookingsBackup,
  type BookingsCleanup,
  type BookingsProgress,
} from '../../contract/bookings.ts';
import { anomalyCursor } from '../../payments/monitoring/monitoring.ts';
import { actorOf } from '../auth/access.ts';
import type { Api, ApiDeps } from '../types.ts';
import {
  count,
  decodeCursor,
  encodePage,
  idempotencyHeader,
  pageOf,
  pageQuery,
  reasonSchema,
  responses,
  storableText,
  text,
} from './common.ts';

const targetSchema = storableText(1, 63)
  .optional()
  .describe('The schema of the users. Default: that of the newest migration of bookings');

const progressSchema = z
  .object({
    targetSchema: text,
    table: text.nullable().describe('Null when the bookings are in another database'),
    bookings: count.nullable(),
    linked: count.nullable().describe('Bookings that have a user'),
    unlinked: z
      .object({
        no_contact: count.describe('The contact is absent, or no JSON object'),
        no_address: count,
        bad_address: count,
        not_linked: count.describe('The address is usable; filling has not come to it, or linking it failed'),
      })
      .nullable()
      .describe('By reason; null before a link was started, and in an estimate'),
    users: count.describe('Without those that were merged into another'),
    mergedUsers: count,
    payments: count,
    paymentsByStatus: z.record(text, count),
    estimates: z.array(text).readonly().describe('Names of the figures that are estimates; all others are exact'),
  })
  .meta({ id: 'BookingsProgress' }) satisfies z.ZodType<BookingsProgress>;

const anomalySchema = z
  .object({
    rule: z.enum(anomalyRules),
    subject: text.describe('`booking:17`, `webhook:stripe/evt_1`, `user:…`, `payment:…`, `schema:app`'),
    details: z.record(text, text.nullable()).describe('Ids, codes and figures; amounts are minor units'),
    remedy: text,
  })
  .meta({ id: 'BookingAnomaly' }) satisfies z.ZodType<Anomaly>;

const progressQuery = z.strictObject({
  targetSchema,
  estimate: z.enum(['true', 'false']).optional().describe('true: without reading the table of bookings'),
});
const anomalyQuery = z.strictObject({ ...pageQuery, targetSchema, rule: z.enum(anomalyRules).optional() });

const changeBody = z.strictObject({ targetSchema, dryRun: z.boolean().optional(), reason: reasonSchema });

const backupSchema = z
  .object({
    dryRun: z.boolean(),
    tables: z
      .array(
        z.object({
          ...{ table: text, backup: text, exists: z.boolean() },
          estimatedRows: z.number().describe('By the planner’s statistics: an estimate'),
          estimatedBytes: z
            .number()
            .describe('What the table takes without its indexes; the copy takes at most as much'),
          rows: count.nullable().describe('Rows that were copied; null when none were'),
        }),
      )
      .readonly(),
  })
  .meta({ id: 'BookingsBackup' }) satisfies z.ZodType<BookingsBackup>;

const cleanupSchema = z
  .object({
    dryRun: z.boolean(),
    indexes: z
      .array(
        z.object({
          ...{ table: text, column: text, statements: z.array(text).readonly() },
          state: z.enum(['present', 'missing', 'invalid']).describe('Before the request'),
        }),
      )
      .readonly(),
    duplicates: z.array(z.array(text).readonly()).readonly().describe('Ids of users with one address, oldest first'),
  })
  .meta({ id: 'BookingsCleanup' }) satisfies z.ZodType<BookingsCleanup>;

/** How far a migration of bookings is, what should not be, copies before it and the clean-up after it. */
export function bookingMonitoringRoutes(app: Api, { bookings }: Pick<ApiDeps, 'bookings'>): void {
  const config = { access: 'viewer' } as const;
  app.get('/bookings/progress', { config, schema: progressRouteSchema }, ({ query }) =>
    bookings.monitoring.progress({ targetSchema: query.targetSchema, estimate: query.estimate === 'true' }),
  );
  app.get('/bookings/anomalies', { config, schema: anomaliesRouteSchema }, async ({ query }) => {
    const { cursor, limit = 50, ...filter } = query;
    const after = decodeCursor(cursor, anomalyCursor);
    return encodePage(await bookings.monitoring.anomalies({ ...filter, cursor: after, limit }));
  });
  const admin = { access: 'admin' } as const;
  app.post('/bookings/backup', { config: admin, schema: backupRouteSchema }, (request) => {
    const { dryRun = false, ...body } = request.body;
    return bookings.backup({ ...body, dryRun }, actorOf(request));
  });
  app.post('/bookings/cleanup', { config: admin, schema: cleanupRouteSchema }, (request) => {
    const { dryRun = false, ...body } = request.body;
    return bookings.cleanup({ ...body, dryRun }, actorOf(request));
  });
}

const progressRouteSchema = {
  tags: ['bookings'],
  operationId: 'getBookingsProgress',
  summary: 'Bookings, those with users and why others have none, users and payments',
  querystring: progressQuery,
  response: responses({ 200: progressSchema }),
};

const anomaliesRouteSchema = {
  tags: ['bookings'],
  operationId: 'listBookingAnomalies',
  summary: 'What should not be, by rule, named by ids and without personal data',
  querystring: anomalyQuery,
  response: responses({ 200: pageOf(anomalySchema) }),
};

const backupRouteSchema = {
  tags: ['bookings'],
  operationId: 'backupBookings',
  summary: 'Copies the tables of bookings and users beside them, without a lock on writers',
  headers: idempotencyHeader,
  body: changeBody,
  response: responses({ 200: backupSchema }),
};

const cleanupRouteSchema = {
  tags: ['bookings'],
  operationId: 'cleanUpBookings',
  summary: 'Makes missing indexes beside writers, and lists users with one address',
  headers: idempotencyHeader,
  body: changeBody,
  response: responses({ 200: cleanupSchema }),
};
