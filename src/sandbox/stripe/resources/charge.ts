import { metadata, metadataChange, optionalText, stringParam } from '../params.ts';
import type { AccountStore, StripeObject } from '../store.ts';
import { applyChanges, byTime, byValue, type Context, operation, type Resource } from './resource.ts';

const update = operation(
  {
    customer: stringParam,
    description: optionalText(),
    metadata,
    receipt_email: optionalText(),
    transfer_group: stringParam,
  },
  ({ metadata: pairs, ...fields }, context, target) =>
    applyChanges(target, { ...fields, ...metadataChange(target, pairs) }, context),
);

/** The decline codes of the test cards that are declined. */
const DECLINE_CODES: Readonly<Record<string, string>> = {
  pm_card_chargeDeclined: 'generic_decline',
  pm_card_visa_chargeDeclined: 'generic_decline',
  pm_card_chargeDeclinedInsufficientFunds: 'insufficient_funds',
  pm_card_visa_chargeDeclinedInsufficientFunds: 'insufficient_funds',
  pm_card_chargeDeclinedExpiredCard: 'expired_card',
};

/** The decline code of a payment method; undefined when it pays. */
export function declineCodeOf(method: string): string | undefined {
  return DECLINE_CODES[method];
}

/** Charges a payment intent. The charge succeeds or fails depending on the test card. */
export function makeCharge(intent: StripeObject, method: string, captured: boolean, context: Context): StripeObject {
  const { store } = context;
  const decline = declineCodeOf(method);
  const {
    amount,
    currency,
    customer,
    description,
    metadata: pairs,
    on_behalf_of,
    transfer_group,
    transfer_data,
  } = intent;
  const charge = store.put({
    ...blankCharge(store),
    id: store.newId('ch'),
    object: 'charge',
    ...{ amount, currency, customer, description, metadata: pairs, on_behalf_of, transfer_group, transfer_data },
    application_fee_amount: intent.application_fee_amount,
    amount_captured: captured && decline === undefined ? amount : 0,
    captured: captured && decline === undefined,
    paid: decline === undefined,
    status: decline === undefined ? 'succeeded' : 'failed',
    failure_code: decline === undefined ? null : 'card_declined',
    failure_message: decline === undefined ? null : 'Your card was declined.',
    payment_intent: intent.id,
    payment_method: method,
    balance_transaction: decline === undefined && captured ? store.newId('txn') : null,
  });
  context.emit(`charge.${String(charge.status)}`, charge);
  if (method === 'pm_card_createDispute') makeDispute(charge, context);
  return charge;
}

function blankCharge(store: AccountStore) {
  return {
    amount: 0,
    amount_captured: 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: { address: null, email: null, name: null, phone: null, tax_id: null },
    calculated_statement_descriptor: 'SANDBOX',
    captured: true,
    created: store.now(),
    currency: 'usd',
    customer: null,
    description: null,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: null,
    failure_message: null,
    fraud_details: {},
    livemode: store.livemode,
    metadata: {},
    on_behalf_of: null,
    outcome: null,
    paid: true,
    payment_intent: null,
    payment_method: null,
    payment_method_details: { card: { brand: 'visa', country: 'US', funding: 'credit', last4: '4242' }, type: 'card' },
    receipt_email: null,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: 'succeeded',
    transfer_data: null,
    transfer_group: null,
  };
}

export const charge: Resource = {
  object: 'charge',
  collection: 'charges',
  title: 'charge',
  update,
  filters: {
    created: byTime('created'),
    customer: byValue('customer'),
    payment_intent: byValue('payment_intent'),
    transfer_group: byValue('transfer_group'),
  },
  searchable: { amount: 'number', currency: 'token', customer: 'token', status: 'token' },
  expands: { customer: 'customer', payment_intent: 'payment_intent' },
  blank: blankCharge,
};

// Disputes.

/** Opens a dispute on a charge, as the cardholder's bank does. */
function makeDispute(charge: StripeObject, context: Context): void {
  const { store } = context;
  const { amount, currency, payment_intent } = charge;
  const dispute = store.put({
    ...blankDispute(store),
    id: store.newId('du'),
    object: 'dispute',
    ...{ amount, currency, payment_intent, charge: charge.id, reason: 'fraudulent', status: 'needs_response' },
  });
  store.put({ ...charge, disputed: true });
  context.emit('charge.dispute.created', dispute);
}

function blankDispute(store: AccountStore) {
  return {
    amount: 0,
    balance_transactions: [],
    charge: null,
    created: store.now(),
    currency: 'usd',
    enhanced_eligibility_types: [],
    evidence: {},
    evidence_details: { due_by: store.now() + 9 * 86_400, has_evidence: false, past_due: false, submission_count: 0 },
    is_charge_refundable: false,
    livemode: store.livemode,
    metadata: {},
    payment_intent: null,
    payment_method_details: {
      card: { brand: 'visa', case_type: 'chargeback', network_reason_code: '10.4' },
      type: 'card',
    },
    reason: 'general',
    status: 'needs_response',
  };
}

const close = operation({}, (_, context, target) => {
  const closed = context.store.put({ ...target, status: 'lost' });
  context.emit('charge.dispute.closed', closed);
  return closed;
});

export const dispute: Resource = {
  object: 'dispute',
  collection: 'disputes',
  title: 'dispute',
  actions: { close },
  filters: { charge: byValue('charge'), created: byTime('created'), payment_intent: byValue('payment_intent') },
  expands: { charge: 'charge', payment_intent: 'payment_intent' },
  blank: blankDispute,
};
