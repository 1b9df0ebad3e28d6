import Stripe from 'stripe';
import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import type { JsonObject } from '../../plan/json.ts';

/** An event of Stripe whose signature was verified. */
export interface StripeEvent {
  readonly id: string;
  readonly type: string;
  readonly objectId: string | null;
  /** The connected account it happened in; null is our own. */
  readonly account: string | null;
  readonly livemode: boolean;
  readonly happenedAt: Date;
  readonly payload: JsonObject;
}

export interface SignedBody {
  /** The unchanged bytes of the request. */
  readonly body: Buffer;
  /** `Stripe-Signature`. */
  readonly signature: string | undefined;
}

// The tolerance of Stripe's own libraries; an older signature may be a replayed request.
const toleranceSeconds = 300;

const name = z.string().regex(/^[\x21-\x7e]{1,255}$/);
const eventSchema = z.looseObject({
  id: name,
  object: z.literal('event'),
  type: name,
  account: name.nullish(),
  created: z.number().int().min(0).max(4_102_444_800),
  livemode: z.boolean(),
  data: z.looseObject({ object: z.looseObject({ id: name.nullish() }) }),
});

/**
 * The event, if one of the secrets signed exactly these bytes recently. Several secrets are accepted during rotation.
 * Throws DroverError WEBHOOK_NOT_CONFIGURED, WEBHOOK_SIGNATURE, WEBHOOK_EVENT.
 */
export function verifyStripeEvent({ body, signature }: SignedBody, secrets: readonly string[]): StripeEvent {
  if (secrets.length === 0) {
    throw new DroverError('WEBHOOK_NOT_CONFIGURED', 'STRIPE_WEBHOOK_SECRET is not set, so no event can be verified');
  }
  if (signature === undefined) throw new DroverError('WEBHOOK_SIGNATURE', 'the header Stripe-Signature is missing');
  if (!secrets.some((secret) => isSigned(body, signature, secret))) {
    throw new DroverError(
      'WEBHOOK_SIGNATURE',
      'no secret of this service signed this body, or the signature is too old',
    );
  }
  return parseEvent(parseJson(body));
}

/** Whether the header has a signature of these bytes with this secret. Any failure to verify it counts as none. */
function isSigned(body: Buffer, header: string, secret: string): boolean {
  try {
    return Stripe.webhooks.signature?.verifyHeader(body, header, secret, toleranceSeconds) === true;
  } catch {
    return false;
  }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch (thrown) {
    throw invalidEvent(thrown);
  }
}

function parseEvent(event: unknown): StripeEvent {
  const parsed = eventSchema.safeParse(event);
  if (!parsed.success) throw invalidEvent(parsed.error);
  const { id, type, account, created, livemode, data } = parsed.data;
  return {
    ...{ id, type, livemode, account: account ?? null, objectId: data.object.id ?? null },
    happenedAt: new Date(created * 1_000),
    payload: parsed.data as JsonObject,
  };
}

function invalidEvent(cause: unknown): DroverError {
  return new DroverError('WEBHOOK_EVENT', 'the body is signed, but it is not an event of Stripe', { cause });
}
