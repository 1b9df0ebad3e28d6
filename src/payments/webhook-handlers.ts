import { isProductEvent, type WebhookHandler } from '../engine/webhooks/inbox.ts';
import type { EventUse, Settlement } from '../engine/webhooks/types.ts';
import { DroverError, toDroverError } from '../errors.ts';
import type { JsonObject } from '../plan/json.ts';
import { handleDispute } from './stripe/dispute.ts';
import { objectOf, textOf } from './stripe/fields.ts';
import { handlePaymentFailed, handlePaymentSucceeded } from './stripe/payment-intent.ts';
import { handleChargeRefunded, handleRefund } from './stripe/refund.ts';
import type { EventResult, LeasedEvent, PaymentHandler, PaymentTools } from './types.ts';

type ObjectKind = 'payment_intent' | 'charge' | 'refund' | 'dispute';

interface Entry {
  readonly types: RegExp;
  readonly object: ObjectKind;
  readonly handle: PaymentHandler;
}

/** The events of payments, by type; a handler is one file of `stripe/`. */
const entries: readonly Entry[] = [
  { types: /^payment_intent\.succeeded$/, object: 'payment_intent', handle: handlePaymentSucceeded },
  { types: /^payment_intent\.payment_failed$/, object: 'payment_intent', handle: handlePaymentFailed },
  { types: /^charge\.refunded$/, object: 'charge', handle: handleChargeRefunded },
  // `charge.refund.updated` is the older name of `refund.updated`.
  { types: /^(charge\.refund\.updated|refund\.(created|updated|failed))$/, object: 'refund', handle: handleRefund },
  {
    types: /^charge\.dispute\.(created|updated|closed|funds_withdrawn|funds_reinstated)$/,
    object: 'dispute',
    handle: handleDispute,
  },
];

/** True of types that have an effect on payments. */
export function isPaymentEvent(type: string): boolean {
  return entries.some(({ types }) => types.test(type));
}

// Of money, also before there is a handler: the provider gives events back for 30 days only.
const keptTypes = /^(payment_intent|charge|refund|invoice|invoice_payment)\./;

/** What is done with events of a type. */
export function useOf(type: string): EventUse {
  const handled = isProductEvent(type) || isPaymentEvent(type);
  return { handled, kept: handled || keptTypes.test(type) };
}

const eventsAtOnce = 6;

/** The handler of all events of payments, for the inbox. Its effects are in the target before an event is settled. */
export function createPaymentHandler(tools: PaymentTools): WebhookHandler {
  return async (events) => {
    const settlements: Settlement[] = [];
    // A few at once: more would wait for each other's payments and for the connections of the pool.
    for (let at = 0; at < events.length; at += eventsAtOnce) {
      const some = events.slice(at, at + eventsAtOnce);
      settlements.push(...(await Promise.all(some.map((event) => settle(event, tools)))));
    }
    return settlements;
  };
}

async function settle(event: LeasedEvent, tools: PaymentTools): Promise<Settlement> {
  try {
    return toSettlement(event, await handle(event, tools), tools.horizonMs);
  } catch (thrown) {
    const { code, message, retryAfterMs } = toDroverError(thrown);
    return { event, state: 'failed', code, message, delayMs: retryAfterMs ?? retryDelayMs(event.attempts) };
  }
}

async function handle(event: LeasedEvent, tools: PaymentTools): Promise<EventResult> {
  const entry = entries.find(({ types }) => types.test(event.type));
  if (entry === undefined) return { kind: 'ignored', code: 'NO_HANDLER', message: `${event.type} has no effect` };
  if (event.account !== null)
    return { kind: 'ignored', code: 'OTHER_ACCOUNT', message: `it happened in the connected account ${event.account}` };
  if (tools.livemode !== undefined && event.livemode !== tools.livemode) {
    const mode = event.livemode ? 'live' : 'test';
    return { kind: 'ignored', code: 'OTHER_MODE', message: `it happened in ${mode} mode, and our key is of the other` };
  }
  return entry.handle(event, await currentObject(event, entry.object, tools), tools);
}

/**
 * The object of an event. Events are rendered in the version that the endpoint has at Stripe, which may name fields otherwise: of
 * another version than ours the object is fetched.
 */
async function currentObject(event: LeasedEvent, kind: ObjectKind, tools: PaymentTools): Promise<JsonObject> {
  const object = objectOf(objectOf(event.payload.data).object);
  const version = textOf(event.payload.api_version);
  const isComplete = version === tools.apiVersion && object.object === kind;
  if (isComplete) return object;
  const id = textOf(object.id) ?? event.objectId;
  if (tools.objects === undefined) {
    throw new DroverError(
      'CONFIGURATION',
      `the event is in version ${version ?? 'unknown'} of Stripe’s API, and its object cannot be fetched`,
      {
        remedy: `Set STRIPE_SECRET_KEY for the workers, or give the endpoint version ${tools.apiVersion} in Stripe’s dashboard.`,
      },
    );
  }
  const current = id === null ? undefined : await tools.objects.find(kind, id);
  if (current === undefined) throw new DroverError('WEBHOOK_EVENT', `Stripe has no ${kind} ${id ?? ''} for our key`);
  return current;
}

const maxRetryMs = 3_600_000;
const retryDelayMs = (attempts: number): number => Math.min(maxRetryMs, 1_000 * 2 ** Math.min(attempts, 20));

function toSettlement(event: LeasedEvent, result: EventResult, horizonMs: number): Settlement {
  switch (result.kind) {
    case 'applied':
      return { event, state: 'applied', effect: result.effect };
    case 'ignored':
      return { event, state: 'ignored', code: result.code, message: result.message };
    case 'waiting': {
      if (Date.now() - event.receivedAt.getTime() < horizonMs)
        return {
          ...{ event, state: 'pending', code: 'NO_PAYMENT', message: result.message },
          delayMs: retryDelayMs(event.attempts),
        };
      // Listed among the failures, and not tried again by itself.
      if (result.isOurs) return { event, state: 'failed', code: 'NO_PAYMENT', message: result.message };
      return {
        event,
        state: 'ignored',
        code: 'STRANGER',
        message: `${result.message}, and nothing says that it is ours`,
      };
    }
  }
}
