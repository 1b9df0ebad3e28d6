import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { InboxRow } from '../../engine/webhooks/store.ts';
import { eventStates } from '../../engine/webhooks/types.ts';
import { DroverError } from '../../errors.ts';
import { useOf } from '../../payments/webhook-handlers.ts';
import type { JsonObject } from '../../plan/json.ts';
import { verifyStripeEvent } from '../../upstreams/stripe/webhook.ts';
import { actorOf, canSeePersonalData } from '../auth/access.ts';
import type { RateLimits } from '../auth/rate-limits.ts';
import { findProblem } from '../json-body.ts';
import type { Api, ApiDeps } from '../types.ts';
import {
  count,
  decodeCursor,
  idempotencyHeader,
  idSchema,
  numericCursor,
  pageOf,
  pageQuery,
  reasonBody,
  reasonSchema,
  responses,
  text,
  toPage,
} from './common.ts';

const receivedSchema = z.object({
  received: z.literal(true),
  duplicate: z.boolean().describe('The event was received before and is not processed twice'),
});

const webhookQuery = z.strictObject({
  ...pageQuery,
  state: z.enum(eventStates).optional(),
  type: idSchema.optional().describe('`product.updated`'),
  objectId: idSchema.optional().describe('The object of the event, `prod_...`'),
  code: idSchema.optional().describe('`NO_PAYMENT`'),
  waiting: z
    .enum(['true', 'false'])
    .optional()
    .describe('true: pending, and tried at least once: it waits for what its code names'),
});

const replayBody = z.strictObject({
  state: z.enum(eventStates).optional(),
  type: idSchema.optional(),
  objectId: idSchema.optional(),
  code: idSchema.optional(),
  waiting: z.boolean().optional(),
  dryRun: z.boolean().optional().describe('Only counts'),
  reason: reasonSchema,
});

const replaySchema = z.object({
  dryRun: z.boolean(),
  matched: count,
  replayed: count.describe('Events that are applied again, or would be'),
  withoutPayload: count.describe('Their payload was not kept, so there is nothing to apply'),
  busy: count.describe('A worker processes them at this moment'),
});

const eventPurgeBody = z.strictObject({
  olderThan: text
    .regex(/^\d{1,5}[hdw]$/, { error: 'give an age such as 12h, 30d or 8w' })
    .describe('Events that were settled longer ago than this'),
  dryRun: z.boolean().optional(),
  reason: reasonSchema,
});

const eventPurgeSchema = z.object({
  dryRun: z.boolean(),
  complete: z.boolean().describe('False when the time budget was used up: repeat the request to continue'),
  events: count.describe('Events that were deleted, or would be'),
});

const webhookSchema = z.object({
  provider: z.string(),
  id: z.string().describe('The provider’s own id of the event'),
  type: z.string(),
  objectId: z.string().nullable(),
  livemode: z.boolean(),
  state: z.enum(eventStates).describe('failed: the last attempt failed, and the next is at `dueAt`'),
  attempts: z.int(),
  code: z.string().nullable(),
  message: z.string().nullable(),
  effect: z.string().nullable().describe('The effect of the event'),
  happenedAt: z.string(),
  receivedAt: z.string(),
  dueAt: z.string().nullable(),
  settledAt: z.string().nullable(),
  payload: z
    .record(z.string(), z.unknown())
    .nullable()
    .optional()
    .describe('The event as it was sent; for operators, and null for types without a handler'),
});

const tags = ['webhooks'];

// Stripe's events have some kilobytes. Longer bodies are refused before a signature is computed over them.
const maxBodyBytes = 1_048_576;

type WebhookDeps = Pick<ApiDeps, 'inbox' | 'config'> & { readonly limits: RateLimits };

/** Receiving webhooks, and listing received events. */
export function webhookRoutes(app: Api, deps: WebhookDeps): void {
  app.register(async (scope) => receiveWebhooks(scope as unknown as Api, deps));

  app.get('/webhooks', { config: { access: 'viewer' }, schema: listSchema }, async ({ query, actor }) => {
    const { cursor, limit = 50, waiting, ...filter } = query;
    const before = decodeCursor(cursor, numericCursor);
    const isWaiting = waiting === undefined ? undefined : waiting === 'true';
    const rows = await deps.inbox.list({ ...filter, waiting: isWaiting, before, limit: limit + 1 });
    return toPage(
      rows,
      limit,
      (row) => toWebhookView(row, canSeePersonalData(actor)),
      ({ seq }) => seq,
    );
  });

  const operator = { access: 'operator' } as const;
  app.post('/webhooks/:provider/:id/replay', { config: operator, schema: replayOneSchema }, async (request) => {
    await deps.inbox.replay(request.params, request.body.reason, actorOf(request));
    return { replayed: true as const };
  });
  app.post('/webhooks/replay', { config: operator, schema: replayAllSchema }, (request) => {
    const { dryRun = false, ...body } = request.body;
    return deps.inbox.replayAll({ ...body, dryRun }, actorOf(request));
  });
  app.post('/webhooks/purge', { config: { access: 'admin' }, schema: purgeEventsSchema }, (request) => {
    const { dryRun = false, ...body } = request.body;
    return deps.inbox.purge({ ...body, dryRun }, actorOf(request));
  });
}

/**
 * Receiving webhooks, in a scope of its own, where bodies stay the bytes that were signed. `hide`: not in the OpenAPI document,
 * for a second address of the same.
 */
export function receiveWebhooks(app: Api, { inbox, config, limits }: WebhookDeps, hide = false): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  // The signature authenticates the request, and bursts of valid events must not be rate-limited.
  const options = { access: 'open', idempotent: false, limit: 'signed' } as const;
  app.post(
    '/webhooks/stripe',
    { config: options, bodyLimit: maxBodyBytes, schema: { ...receiveSchema, hide } },
    async (request) => {
      const signed = { body: bodyOf(request), signature: headerOf(request, 'stripe-signature') };
      const verified = verifyOrCountFailure(request, limits, () =>
        verifyStripeEvent(signed, config.stripeWebhookSecrets),
      );
      assertStorable(verified.payload);
      const event = { provider: 'stripe', ...verified } as const;
      const stored = await inbox.store(event, useOf(event.type));
      return { received: true as const, duplicate: !stored };
    },
  );
}

/** Refuses a signed event that PostgreSQL could not store. */
function assertStorable(payload: JsonObject): void {
  const problem = findProblem(payload);
  if (problem !== undefined) throw new DroverError('WEBHOOK_EVENT', problem);
}

/** Counts a request without a valid signature against its address, like a request without a key. */
function verifyOrCountFailure<T>(request: FastifyRequest, limits: RateLimits, verify: () => T): T {
  try {
    return verify();
  } catch (thrown) {
    limits.countAddress(request);
    throw thrown;
  }
}

const bodyOf = ({ body }: FastifyRequest): Buffer => (Buffer.isBuffer(body) ? body : Buffer.alloc(0));

function headerOf({ headers }: FastifyRequest, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

/** Payloads may contain personal data, so only operators get them. */
function toWebhookView(
  { seq: _, payload, happenedAt, receivedAt, dueAt, settledAt, ...row }: InboxRow,
  withPayload: boolean,
) {
  return {
    ...row,
    happenedAt: happenedAt.toISOString(),
    receivedAt: receivedAt.toISOString(),
    dueAt: dueAt?.toISOString() ?? null,
    settledAt: settledAt?.toISOString() ?? null,
    ...(withPayload ? { payload } : {}),
  };
}

const receiveSchema = {
  tags,
  operationId: 'receiveStripeEvent',
  summary:
    'For Stripe: receives an event that is signed with a secret of STRIPE_WEBHOOK_SECRET; answered after it is stored',
  consumes: ['application/json'],
  body: z.unknown().describe('An event of Stripe, byte for byte as it was signed'),
  headers: z.looseObject({ 'stripe-signature': z.string().optional() }),
  response: responses({ 200: receivedSchema }),
};

const listSchema = {
  tags,
  operationId: 'listWebhooks',
  summary: 'Received events, the newest first, with the outcome of each',
  querystring: webhookQuery,
  response: responses({ 200: pageOf(webhookSchema) }),
};

const replayOneSchema = {
  tags,
  operationId: 'replayWebhook',
  summary: 'Applies an event again, at once; one that had its effect does not have it twice',
  headers: idempotencyHeader,
  params: z.strictObject({ provider: idSchema, id: idSchema.describe('The provider’s own id of the event') }),
  body: reasonBody,
  response: responses({ 200: z.object({ replayed: z.literal(true) }) }),
};

const replayAllSchema = {
  tags,
  operationId: 'replayWebhooks',
  summary: 'Applies all events again that match; without a state those that failed and those that wait',
  headers: idempotencyHeader,
  body: replayBody,
  response: responses({ 200: replaySchema }),
};

const purgeEventsSchema = {
  tags,
  operationId: 'purgeWebhooks',
  summary: 'Deletes events that were applied or ignored long ago; one that is sent again has no second effect',
  headers: idempotencyHeader,
  body: eventPurgeBody,
  response: responses({ 200: eventPurgeSchema }),
};
