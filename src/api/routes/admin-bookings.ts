import { z } from 'zod';
import type { Api, ApiDeps } from '../types.ts';
import { decodeCursor, encodeCursor, pageQuery, responses, storableText } from './common.ts';

/** Cursors of the admin API are JSON arrays, checked where they are read. */
export const arrayCursor = /^\[.{1,900}\]$/s;

export const targetSchemaQuery = storableText(1, 63)
  .optional()
  .describe('The schema of the users. Default: that of the newest migration of bookings');

const bookingSchema = z
  .looseObject({
    customerName: z.string().nullable(),
    customerEmail: z.unknown().optional(),
    user: z
      .object({
        id: z.string(),
        totalBookings: z.int(),
        totalSpent: z.record(z.string(), z.string()).describe('Minor units by currency: `{"PHP": "125000"}`'),
        firstBookingAt: z.string().nullable(),
        lastBookingAt: z.string().nullable(),
      })
      .nullable(),
  })
  .describe('All columns of the table under their own names, as node-postgres reads them, and what is added')
  .meta({ id: 'OldBooking' });

/** The endpoint that the applications had before the migration. */
export function adminBookingRoutes(app: Api, { admin }: Pick<ApiDeps, 'admin'>): void {
  app.get(
    '/bookings',
    { config: { access: 'operator' }, exposeHeadRoute: false, schema: listSchema },
    async (request, reply) => {
      const { cursor, ...query } = request.query;
      const { json, nextCursor } = await admin.bookings({ ...query, cursor: decodeCursor(cursor, arrayCursor) });
      if (nextCursor !== null) {
        const next = encodeCursor(nextCursor);
        const search = new URLSearchParams(request.url.split('?')[1]);
        search.set('cursor', next);
        reply.header('x-next-cursor', next).header('link', `</api/admin/bookings?${search}>; rel="next"`);
      }
      // A stream is not serialised again: the text stays what the application sent. After an error it is cut off, which is no JSON.
      return reply.type('application/json; charset=utf-8').send(json as never);
    },
  );
}

const listSchema = {
  tags: ['admin'],
  operationId: 'listOldBookings',
  summary:
    'All bookings as the application answered them, in the order of the key, with `user`; in pages with `limit`, the next one named by the headers link and x-next-cursor',
  querystring: z.strictObject({ ...pageQuery, targetSchema: targetSchemaQuery }),
  response: responses({ 200: z.array(bookingSchema) }),
};
