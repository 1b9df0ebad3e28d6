import type pg from 'pg';
import { claimEvent, describeEvent, findByProviderId } from '../payments.sql.ts';
import type { EventResult, LeasedEvent, PaymentRow, PaymentTools } from '../types.ts';
import { bookingOf } from './fields.ts';

interface Effect {
  readonly payment: PaymentRow;
  /** In words. */
  readonly effect: string;
}

// Undoes a transaction in which there was no payment to have an effect on.
class NoPayment extends Error {}

/**
 * Gives an event its effect in one transaction of the target: the row that makes it once, the entries, and what the triggers
 * make of them. Undefined, with nothing written, when `work` finds no payment.
 */
export async function applyOnce(
  tools: PaymentTools,
  schema: string,
  event: LeasedEvent,
  work: (client: pg.PoolClient) => Promise<Effect | undefined>,
): Promise<EventResult | undefined> {
  let found = true;
  try {
    return await tools.transaction(async (client) => {
      if (!(await claimEvent(client, schema, event))) return { kind: 'applied', effect: 'it had its effect before' };
      const done = await work(client);
      if (done === undefined) {
        found = false;
        throw new NoPayment();
      }
      await describeEvent(client, schema, event, done.payment.id, done.effect);
      return { kind: 'applied', effect: done.effect };
    });
  } catch (thrown) {
    if (!found) return undefined;
    throw thrown;
  }
}

/** The result in the first schema that has one; `otherwise` when none has. */
export async function inFirstSchema(
  tools: PaymentTools,
  attempt: (schema: string) => Promise<EventResult | undefined>,
  otherwise: () => EventResult | Promise<EventResult>,
): Promise<EventResult> {
  const schemas = await tools.schemas();
  if (schemas.length === 0)
    return { kind: 'ignored', code: 'NO_PAYMENTS', message: 'no migration has made tables of payments' };
  for (const schema of schemas) {
    const result = await attempt(schema);
    if (result !== undefined) return result;
  }
  return otherwise();
}

type ChargeWork = (client: pg.PoolClient, schema: string, payment: PaymentRow) => Promise<string>;

/**
 * Gives an event about a charge of a payment intent its effect. Where no payment has the intent, the intent itself says whose it is:
 * one that names a booking is waited for, any other is a stranger.
 */
export async function applyToPayment(
  event: LeasedEvent,
  intent: string | null,
  tools: PaymentTools,
  work: ChargeWork,
): Promise<EventResult> {
  if (intent === null)
    return {
      kind: 'ignored',
      code: 'STRANGER',
      message: 'it belongs to no payment intent: it is another application’s',
    };
  return inFirstSchema(
    tools,
    (schema) =>
      applyOnce(tools, schema, event, async (client) => {
        const payment = await findByProviderId(client, schema, intent);
        return payment && { payment, effect: await work(client, schema, payment) };
      }),
    async () => {
      const object = await tools.objects?.find('payment_intent', intent);
      const isOurs = object !== undefined && bookingOf(object) !== null;
      if (tools.objects !== undefined && !isOurs)
        return { kind: 'ignored', code: 'STRANGER', message: `${intent} names no booking in its metadata` };
      return { kind: 'waiting', isOurs, message: `no payment has ${intent} yet` };
    },
  );
}
