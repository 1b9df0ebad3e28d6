import type pg from 'pg';
import { DroverError } from '../../errors.ts';
import type { JsonObject } from '../../plan/json.ts';
import {
  addEntry,
  addPayment,
  type BookingName,
  claimPayment,
  findByProviderId,
  findMigrated,
  noteFailure,
} from '../payments.sql.ts';
import type { EventResult, LeasedEvent, PaymentHandler, PaymentRow, PaymentTools } from '../types.ts';
import { applyOnce, inFirstSchema } from './apply.ts';
import { amountOf, bookingOf, currencyOf, idOf, instantOf, objectOf, textOf } from './fields.ts';

/**
 * A payment intent succeeded: its money has come. A payment of the history that is the same one gets its id and no second
 * charge; otherwise the payment is added, for a booking that the metadata name.
 */
export const handlePaymentSucceeded: PaymentHandler = (event, intent, tools) =>
  withPayment(event, intent, tools, async (client, schema, payment) => {
    const currency = currencyOf(intent);
    const amount = amountOf(intent.amount_received, currency) ?? amountOf(intent.amount, currency);
    if (amount === null) throw new DroverError('WEBHOOK_EVENT', `payment intent ${String(intent.id)} has no amount`);
    if (payment.provider === 'migrated') return describeClaim(payment, amount, currency);
    const added = await addEntry(
      client,
      schema,
      payment.id,
      { kind: 'charge', object: String(intent.id), amount, currency, happenedAt: event.happenedAt },
      event.id,
    );
    return added ? `charge of ${amount} ${currency} (minor units)` : 'the charge is known';
  });

/**
 * A charge was refused. An intent may fail and succeed afterwards, and the two events come in any order: the reason is kept, and
 * whether the payment failed follows from whether it has a charge.
 */
export const handlePaymentFailed: PaymentHandler = (event, intent, tools) =>
  withPayment(event, intent, tools, async (client, schema, payment) => {
    const error = objectOf(intent.last_payment_error);
    const code = textOf(error.decline_code) ?? textOf(error.code) ?? 'payment_failed';
    await noteFailure(client, schema, payment.id, code);
    return `the charge failed (${code})`;
  });

/** The money is in the history already; what differs is said, because one of the two is wrong. */
function describeClaim(payment: PaymentRow, amount: bigint, currency: string): string {
  if (String(amount) === payment.amount && currency === payment.currency)
    return 'the payment is in the history already';
  throw new DroverError(
    'PAYMENT_DIFFERS',
    `the booking's payment of the history is ${payment.amount} ${payment.currency}, and Stripe has ${amount} ${currency} (minor units)`,
  );
}

type Work = (client: pg.PoolClient, schema: string, payment: PaymentRow) => Promise<string>;

async function withPayment(
  event: LeasedEvent,
  intent: JsonObject,
  tools: PaymentTools,
  work: Work,
): Promise<EventResult> {
  const id = String(intent.id);
  const booking = bookingOf(intent);
  return inFirstSchema(
    tools,
    (schema) =>
      applyOnce(tools, schema, event, async (client) => {
        const payment =
          (await findByProviderId(client, schema, id)) ??
          (booking && (await paymentOf(client, schema, event, intent, booking)));
        if (!payment) return undefined;
        return { payment, effect: await work(client, schema, payment) };
      }),
    () => ({
      kind: 'ignored',
      code: 'STRANGER',
      message: `payment intent ${id} names no booking in its metadata: it is another application's`,
    }),
  );
}

async function paymentOf(
  client: pg.PoolClient,
  schema: string,
  event: LeasedEvent,
  intent: JsonObject,
  booking: BookingName,
): Promise<PaymentRow> {
  const id = String(intent.id);
  const migrated = await findMigrated(client, schema, booking);
  if (migrated) {
    await claimPayment(client, schema, migrated.id, id);
    return migrated;
  }
  const currency = currencyOf(intent);
  const charge = objectOf(intent.latest_charge);
  return addPayment(client, schema, {
    providerPaymentId: id,
    booking,
    amount: amountOf(intent.amount, currency) ?? 0n,
    currency,
    method:
      textOf(objectOf(charge.payment_method_details).type) ?? textOf(firstOf(intent.payment_method_types)) ?? 'card',
    livemode: event.livemode,
    paidAt: instantOf(intent.created),
    email: textOf(intent.receipt_email) ?? textOf(objectOf(charge.billing_details).email),
  });
}

const firstOf = (value: JsonObject[string] | undefined) => (Array.isArray(value) ? value[0] : undefined);

/** The intent that an object of a charge belongs to. */
export const intentOf = (object: JsonObject): string | null => idOf(object.payment_intent);
