import type pg from 'pg';
import { DroverError } from '../../errors.ts';
import type { JsonObject } from '../../plan/json.ts';
import { addEntry, putProviderObject } from '../payments.sql.ts';
import type { LeasedEvent, PaymentHandler } from '../types.ts';
import { applyToPayment } from './apply.ts';
import { amountOf, currencyOf, idOf, instantOf, listOf, objectOf, textOf } from './fields.ts';

/** Statuses of a refund, those that come later last. One that failed or was canceled never succeeds afterwards. */
const statusOrder = ['pending', 'requires_action', 'succeeded', 'canceled', 'failed'];
const isUndone = (status: string): boolean => status === 'failed' || status === 'canceled';

/** `refund.created`, `.updated`, `.failed`: one refund, booked by its id. */
export const handleRefund: PaymentHandler = (event, refund, tools) =>
  applyToPayment(event, idOf(refund.payment_intent), tools, (client, schema, payment) =>
    bookRefund(client, schema, payment.id, refund, event),
  );

/**
 * `charge.refunded`: the charge says how much was refunded of it in all, and not by which refunds. They are listed and booked by
 * their ids; the sum is checked against what the charge says.
 */
export const handleChargeRefunded: PaymentHandler = async (event, charge, tools) => {
  const id = String(charge.id);
  const refunds = (await tools.objects?.refundsOf(id)) ?? listOf(objectOf(charge.refunds).data);
  const currency = currencyOf(charge);
  const refunded = amountOf(charge.amount_refunded, currency) ?? 0n;
  // The list is as of now, and the event may be older: since then a refund may have been made, or one of the sum have failed.
  const listed = refunds.reduce((sum, refund) => sum + (amountOf(refund.amount, currency) ?? 0n), 0n);
  if (listed < refunded) {
    const remedy = 'Set STRIPE_SECRET_KEY for the workers, so that refunds are listed, and replay the event.';
    throw new DroverError(
      'REFUNDS_DIFFER',
      `${id} says that ${refunded} ${currency} were refunded, and its refunds add up to ${listed} (minor units)`,
      tools.objects ? {} : { remedy },
    );
  }
  return applyToPayment(event, idOf(charge.payment_intent), tools, async (client, schema, payment) => {
    const effects: string[] = [];
    for (const refund of refunds) effects.push(await bookRefund(client, schema, payment.id, refund, event));
    return effects.length === 0 ? 'nothing was refunded' : effects.join('; ');
  });
};

/**
 * A refund that is on its way has left the balance already, so its entry is made when it is first seen; one that fails is given
 * back by the opposite entry. Seen first as failed, it gets both: the entries are the same in whatever order events come.
 */
async function bookRefund(
  client: pg.PoolClient,
  schema: string,
  paymentId: string,
  refund: JsonObject,
  event: LeasedEvent,
): Promise<string> {
  const id = textOf(refund.id);
  const currency = currencyOf(refund);
  const amount = amountOf(refund.amount, currency);
  if (id === null || amount === null || currency === '')
    throw new DroverError('WEBHOOK_EVENT', `the refund ${id ?? ''} has no id, amount or currency`);
  const happenedAt = instantOf(refund.created);
  const status = await putProviderObject(
    client,
    schema,
    'refund',
    paymentId,
    { id, amount, currency, status: textOf(refund.status) ?? 'pending', reason: textOf(refund.reason), happenedAt },
    statusOrder,
  );
  const entry = { object: id, currency, happenedAt };
  const isNew = await addEntry(client, schema, paymentId, { ...entry, kind: 'refund', amount: -amount }, event.id);
  if (!isUndone(status)) return isNew ? `refund ${id} of ${amount} ${currency} (minor units)` : `refund ${id} is known`;
  const reversal = { ...entry, kind: 'refund_reversal', amount, happenedAt: event.happenedAt } as const;
  const isReversed = await addEntry(client, schema, paymentId, reversal, event.id);
  return isReversed
    ? `refund ${id} ${status}: ${amount} ${currency} came back (minor units)`
    : `refund ${id} is known as ${status}`;
}
