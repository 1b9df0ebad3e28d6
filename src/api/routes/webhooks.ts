import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { findHandler } from '../../engine/webhooks/inbox.ts';
import type { InboxRow } from '../../engine/webhooks/store.ts';
import { eventStates } from '../../engine/webhooks/types.ts';
import { verifyStripeEvent } from '../../upstreams/stripe/webhook.ts';
import { canSeePersonalData } from '../auth/access.ts';
import type { RateLimits } from '../auth/rate-limits.ts';
import type { Api, ApiDeps } from '../types.ts';
import { decodeCursor, idSchema, numericCursor, pageOf, pageQuery, responses, toPage } from './common.ts';

const receivedSchema = z.object({
  received: z.literal(true),
  duplicate: z.boolean().describe('It was there before, and is not done twice'),
});

const webhookQuery = z.strictObject({
  ...pageQuery,
  state: z.enum(eventStates).optional(),
  type: idSchema.optional().describe('`product.updated`'),
  objectId: idSchema.optional().describe('The object it is about, `prod_...`'),
});

const webhookSchema = z.object({
  provider: z.string(),
  id: z.string().describe('The provider’s own id of the event'),
  type: z.string(),
  objectId: z.string().nullable(),
  livemode: z.boolean(),
  state: z.enum(eventStates).describe('failed: the last try was in vain, and the next is at `dueAt`'),
  attempts: z.int(),
  code: z.string().nullable(),
  message: z.string().nullable(),
  effect: z.string().nullable().describe('What it came to'),
  happenedAt: z.string(),
  receivedAt: z.string(),
  dueAt: z.string().nullable(),
  settledAt: z.string().nullable(),
  payload: z
    .record(z.string(), z.unknown())
    .nullable()
    .optional()
    .describe('The event as it was sent; for operators, and null of types nothing is done about'),
});

const tags = ['webhooks'];

// Stripe's events are some kilobytes. Whatever is longer is cut off before anything is computed over it.
const maxBodyBytes = 262_144;

type WebhookDeps = Pick<ApiDeps, 'inbox' | 'config'> & { readonly limits: RateLimits };

/** What upstreams tell us, and what came of it. */
export function webhookRoutes(app: Api, deps: WebhookDeps): void {
  app.register(async (scope) => receivingRoutes(scope as unknown as Api, deps));

  app.get('/webhooks', { config: { access: 'viewer' }, schema: listSchema }, async ({ query, actor }) => {
    const { cursor, limit = 50, ...filter } = query;
    const before = decodeCursor(cursor, numericCursor);
    const rows = await deps.inbox.list({ ...filter, before, limit: limit + 1 });
    return toPage(
      rows,
      limit,
      (row) => toWebhookView(row, canSeePersonalData(actor)),
      ({ seq }) => seq,
    );
  });
}

/** In a scope of its own, whose bodies stay the bytes that were signed. */
function receivingRoutes(app: Api, { inbox, config, limits }: WebhookDeps): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: maxBodyBytes }, (_request, body, done) =>
    done(null, body),
  );

  // Its signature is its key, and what an upstream sends in a burst must not be turned away.
  const options = { access: 'open', idempotent: false, limit: 'signed' } as const;
  app.post('/webhooks/stripe', { config: options, schema: receiveSchema }, async (request) => {
    const signed = { body: bodyOf(request), signature: headerOf(request, 'stripe-signature') };
    const verified = verifyOrCountFailure(request, limits, () =>
      verifyStripeEvent(signed, config.stripeWebhookSecrets),
    );
    const event = { provider: 'stripe', ...verified } as const;
    const stored = await inbox.store(event, findHandler(event) !== undefined);
    return { received: true as const, duplicate: !stored };
  });
}

/** Who sends what is not rightly signed uses up his address's share of requests without a key. */
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

/** Bodies may speak of people, so only those see them who may. */
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
  summary: 'For Stripe: takes an event, signed with a secret of STRIPE_WEBHOOK_SECRET; answered when it is on disk',
  consumes: ['application/json'],
  body: z.unknown().describe('An event of Stripe, byte for byte as it was signed'),
  headers: z.looseObject({ 'stripe-signature': z.string().optional() }),
  response: responses({ 200: receivedSchema }),
};

const listSchema = {
  tags,
  operationId: 'listWebhooks',
  summary: 'Events that were received, the newest first, and what came of each',
  querystring: webhookQuery,
  response: responses({ 200: pageOf(webhookSchema) }),
};
