import { conflict, invalid } from '../failure.ts';
import { flag, integer, mergeMetadata, metadata, metadataChange, oneOf, stringParam } from '../params.ts';
import type { AccountStore, StripeObject } from '../store.ts';
import { applyChanges, byTime, byValue, type Context, operation, type Resource } from './resource.ts';

const create = operation(
  {
    amount: integer(1),
    charge: stringParam,
    metadata,
    payment_intent: stringParam,
    reason: oneOf('duplicate', 'fraudulent', 'requested_by_customer'),
    refund_application_fee: flag,
    reverse_transfer: flag,
  },
  ({ amount: part, charge: chargeId, payment_intent: intent, metadata: pairs, reason }, context) => {
    const charge = findCharge(chargeId, intent, context);
    const refundable = Number(charge.amount_captured) - Number(charge.amount_refunded);
    if (refundable === 0)
      throw conflict(`Charge ${charge.id} has already been refunded.`, { code: 'charge_already_refunded' });
    const amount = part ?? refundable;
    if (amount > refundable) {
      const message = `Refund amount (${amount}) is greater than unrefunded amount on charge (${refundable})`;
      throw conflict(message, { param: 'amount' });
    }
    const { store } = context;
    const refund = store.put({
      ...blankRefund(store),
      id: store.newId('re'),
      object: 'refund',
      ...{ amount, charge: charge.id, currency: charge.currency, payment_intent: charge.payment_intent },
      customer: charge.customer,
      payment_method: charge.payment_method,
      metadata: mergeMetadata({}, pairs),
      reason: reason ?? null,
    });
    const refunded = Number(charge.amount_refunded) + amount;
    const after = store.put({ ...charge, amount_refunded: refunded, refunded: refunded === charge.amount });
    context.emit('refund.created', refund);
    context.emit('charge.refunded', after, { amount_refunded: charge.amount_refunded });
    return refund;
  },
);

const update = operation({ metadata }, ({ metadata: pairs }, context, target) =>
  applyChanges(target, metadataChange(target, pairs), context),
);

/** The charge to refund: the given one, or the last of the payment intent. */
function findCharge(chargeId: string | undefined, intent: string | undefined, context: Context): StripeObject {
  if (chargeId !== undefined) return context.find('charge', chargeId, 'charge');
  if (intent === undefined) {
    throw invalid('One of the following params should be provided for this request: payment_intent or charge.');
  }
  const { latest_charge: latest } = context.find('payment_intent', intent, 'payment_intent');
  if (typeof latest === 'string') return context.find('charge', latest, 'charge');
  throw conflict(`This PaymentIntent (${intent}) does not have a successful charge to refund.`, {
    param: 'payment_intent',
  });
}

function blankRefund(store: AccountStore) {
  return {
    amount: 0,
    balance_transaction: null,
    charge: null,
    created: store.now(),
    currency: 'usd',
    customer: null,
    customer_account: null,
    destination_details: { card: { type: 'refund' }, type: 'card' },
    metadata: {},
    payment_intent: null,
    payment_method: null,
    reason: null,
    receipt_number: null,
    source_transfer_reversal: null,
    status: 'succeeded',
    transfer_reversal: null,
  };
}

export const refund: Resource = {
  object: 'refund',
  collection: 'refunds',
  title: 'refund',
  create,
  update,
  filters: { charge: byValue('charge'), created: byTime('created'), payment_intent: byValue('payment_intent') },
  expands: { charge: 'charge', payment_intent: 'payment_intent' },
  blank: blankRefund,
};
