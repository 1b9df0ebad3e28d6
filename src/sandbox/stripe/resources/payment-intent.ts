import { conflict, invalid } from '../failure.ts';
import {
  assertChargeable,
  currency,
  flag,
  integer,
  listOf,
  mergeMetadata,
  metadata,
  metadataChange,
  omit,
  oneOf,
  optionalText,
  required,
  stringParam,
  unvalidated,
} from '../params.ts';
import type { AccountStore, StripeObject } from '../store.ts';
import { declineCodeOf, makeCharge } from './charge.ts';
import { applyChanges, byTime, byValue, type Context, operation, type Resource } from './resource.ts';

const amount = integer(1, 99_999_999);
const SHARED = {
  application_fee_amount: integer(0),
  capture_method: oneOf('automatic', 'automatic_async', 'manual'),
  customer: stringParam,
  description: optionalText(1000),
  metadata,
  payment_method: stringParam,
  payment_method_types: listOf(stringParam),
  receipt_email: optionalText(),
  setup_future_usage: oneOf('', 'off_session', 'on_session'),
  shipping: unvalidated,
  statement_descriptor: optionalText(22),
  statement_descriptor_suffix: optionalText(22),
  transfer_data: unvalidated,
  transfer_group: stringParam,
};
const CONFIRMATION = {
  mandate: stringParam,
  off_session: stringParam,
  return_url: stringParam,
  error_on_requires_action: flag,
};

const create = operation(
  {
    ...SHARED,
    ...CONFIRMATION,
    amount: required(amount),
    currency: required(currency),
    automatic_payment_methods: unvalidated,
    confirm: flag,
    confirmation_method: oneOf('automatic', 'manual'),
    on_behalf_of: stringParam,
  },
  (given, context) => {
    const { confirm = false, metadata: pairs, ...rest } = given;
    const fields = omit(
      rest,
      'mandate',
      'off_session',
      'return_url',
      'error_on_requires_action',
      'automatic_payment_methods',
    );
    const { store } = context;
    assertAmount(fields.amount, fields.currency);
    if (fields.customer !== undefined) context.find('customer', fields.customer, 'customer');
    const id = store.newId('pi');
    const intent = store.put({
      ...blankIntent(store),
      ...fields,
      id,
      object: 'payment_intent',
      client_secret: `${id}_secret_${store.newId('s').slice(3, 28)}`,
      metadata: mergeMetadata({}, pairs),
      status: fields.payment_method === undefined ? 'requires_payment_method' : 'requires_confirmation',
    });
    context.emit('payment_intent.created', intent);
    return confirm ? confirmIntent(intent, fields.payment_method, context) : intent;
  },
);

const update = operation({ ...SHARED, amount, currency }, ({ metadata: pairs, ...fields }, context, target) => {
  assertState(target, 'update', 'requires_payment_method', 'requires_confirmation', 'requires_action');
  const status = fields.payment_method === undefined ? {} : { status: 'requires_confirmation' };
  return applyChanges(target, { ...fields, ...metadataChange(target, pairs), ...status }, context);
});

const confirm = operation(
  {
    ...CONFIRMATION,
    capture_method: SHARED.capture_method,
    payment_method: stringParam,
    receipt_email: optionalText(),
  },
  ({ payment_method: method }, context, target) => {
    assertState(target, 'confirm', 'requires_payment_method', 'requires_confirmation', 'requires_action');
    return confirmIntent(target, method ?? (target.payment_method as string | null) ?? undefined, context);
  },
);

const capture = operation({ amount_to_capture: amount, metadata }, ({ amount_to_capture: part }, context, target) => {
  assertState(target, 'capture', 'requires_capture');
  const { store } = context;
  const captured = part ?? Number(target.amount_capturable);
  if (captured > Number(target.amount_capturable))
    throw invalid('The amount exceeds what can be captured.', { code: 'amount_too_large' });
  const charge = context.find('charge', String(target.latest_charge), 'charge');
  context.emit('charge.captured', store.put({ ...charge, captured: true, amount_captured: captured }));
  return succeedIntent({ ...target, amount_received: captured }, context);
});

const cancel = operation(
  { cancellation_reason: stringParam },
  ({ cancellation_reason: reason = null }, context, target) => {
    assertState(
      target,
      'cancel',
      'requires_payment_method',
      'requires_confirmation',
      'requires_action',
      'requires_capture',
    );
    const changes = { canceled_at: context.store.now(), amount_capturable: 0 };
    const canceled = context.store.put({ ...target, ...changes, status: 'canceled', cancellation_reason: reason });
    context.emit('payment_intent.canceled', canceled);
    return canceled;
  },
);

/** Charges the intent. Throws the 402 of a declined card; the intent stores the result in both cases. */
export function confirmIntent(intent: StripeObject, method: string | undefined, context: Context): StripeObject {
  const { store } = context;
  if (method === undefined) {
    const message = 'You cannot confirm this PaymentIntent because it’s missing a payment method.';
    throw conflict(message, { code: 'payment_intent_unexpected_state', payment_intent: intent });
  }
  const manual = intent.capture_method === 'manual';
  const charge = makeCharge(intent, method, !manual, context);
  const confirmed = { ...intent, payment_method: method, latest_charge: charge.id };
  const decline = declineCodeOf(method);
  if (decline !== undefined) throw declineIntent(confirmed, charge, decline, context);
  if (!manual) return succeedIntent({ ...confirmed, amount_received: intent.amount }, context);
  const capturable = store.put({ ...confirmed, status: 'requires_capture', amount_capturable: intent.amount });
  context.emit('payment_intent.amount_capturable_updated', capturable);
  return capturable;
}

function succeedIntent(intent: StripeObject, context: Context): StripeObject {
  const succeeded = context.store.put({ ...intent, status: 'succeeded', amount_capturable: 0 });
  context.emit('payment_intent.succeeded', succeeded);
  return succeeded;
}

/** Stores the decline in the intent and returns the 402 for it. */
function declineIntent(intent: StripeObject, charge: StripeObject, decline: string, context: Context) {
  const code = decline === 'expired_card' ? 'expired_card' : 'card_declined';
  const error = { type: 'card_error', code, decline_code: decline, charge: charge.id };
  const message = 'Your card was declined.';
  const status = 'requires_payment_method';
  const failed = context.store.put({
    ...intent,
    status,
    payment_method: null,
    last_payment_error: { ...error, message },
  });
  context.emit('payment_intent.payment_failed', failed);
  return conflict(message, { ...error, payment_intent: failed }, 402);
}

function assertAmount(given: number, code: string): void {
  assertChargeable(given, code, 'amount');
  if (['usd', 'eur', 'cad', 'aud'].includes(code) && given < 50) {
    throw invalid(`Amount must be at least 50 cents`, { code: 'amount_too_small', param: 'amount' });
  }
}

function assertState(intent: StripeObject, verb: string, ...states: readonly string[]): void {
  if (states.includes(String(intent.status))) return;
  const message = `You cannot ${verb} this PaymentIntent because it has a status of ${String(intent.status)}.`;
  throw conflict(message, { code: 'payment_intent_unexpected_state', payment_intent: intent });
}

function blankIntent(store: AccountStore) {
  return {
    amount: 0,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: null,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: 'automatic_async',
    client_secret: null,
    confirmation_method: 'automatic',
    created: store.now(),
    currency: 'usd',
    customer: null,
    customer_account: null,
    description: null,
    excluded_payment_method_types: null,
    last_payment_error: null,
    latest_charge: null,
    livemode: store.livemode,
    metadata: {},
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: {},
    payment_method_types: ['card'],
    processing: null,
    receipt_email: null,
    review: null,
    setup_future_usage: null,
    shipping: null,
    source: null,
    statement_descriptor: null,
    statement_descriptor_suffix: null,
    status: 'succeeded',
    transfer_data: null,
    transfer_group: null,
  };
}

export const paymentIntent: Resource = {
  object: 'payment_intent',
  collection: 'payment_intents',
  title: 'payment_intent',
  create,
  update,
  actions: { confirm, capture, cancel },
  filters: { created: byTime('created'), customer: byValue('customer') },
  searchable: { amount: 'number', currency: 'token', customer: 'token', status: 'token' },
  expands: { customer: 'customer', latest_charge: 'charge' },
  blank: blankIntent,
};
