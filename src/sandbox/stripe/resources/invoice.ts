import { conflict, invalid } from '../failure.ts';
import {
  currency,
  flag,
  integer,
  mergeMetadata,
  metadata,
  metadataChange,
  oneOf,
  optionalText,
  required,
  stringParam,
  unvalidated,
} from '../params.ts';
import type { AccountStore, StripeObject } from '../store.ts';
import { withTotals } from './invoice-item.ts';
import { confirmIntent, paymentIntent } from './payment-intent.ts';
import { applyChanges, byTime, byValue, type Context, operation, type Resource } from './resource.ts';

const SHARED = {
  application_fee_amount: integer(0),
  auto_advance: flag,
  collection_method: oneOf('charge_automatically', 'send_invoice'),
  days_until_due: integer(0),
  default_payment_method: stringParam,
  description: optionalText(1500),
  due_date: integer(0),
  footer: optionalText(5000),
  metadata,
  number: optionalText(26),
  on_behalf_of: stringParam,
  payment_settings: unvalidated,
  statement_descriptor: optionalText(22),
  transfer_data: unvalidated,
};

const create = operation(
  { ...SHARED, currency, customer: required(stringParam), pending_invoice_items_behavior: oneOf('exclude', 'include') },
  (
    { metadata: pairs, days_until_due: days, pending_invoice_items_behavior: pending = 'exclude', ...fields },
    context,
  ) => {
    const { store } = context;
    const owner = context.find('customer', fields.customer, 'customer');
    assertTerms(fields.collection_method, days, fields.due_date);
    const invoice: StripeObject = {
      ...blankInvoice(store),
      ...fields,
      id: store.newId('in'),
      object: 'invoice',
      ...{ customer_email: owner.email, customer_name: owner.name, customer_phone: owner.phone },
      due_date: fields.due_date ?? (days === undefined ? null : store.now() + days * 86_400),
      metadata: mergeMetadata({}, pairs),
    };
    if (pending === 'include') attachPendingItems(invoice, context);
    const made = store.put(withTotals(invoice, store));
    context.emit('invoice.created', made);
    return made;
  },
);

const update = operation(SHARED, ({ metadata: pairs, days_until_due: days, ...fields }, context, target) => {
  const meta = metadataChange(target, pairs);
  const isDraftOnly = Object.keys(fields).some((name) => name !== 'auto_advance' && name !== 'description');
  if (isDraftOnly) assertStatus(target, 'changed', 'draft');
  const due = days === undefined ? {} : { due_date: context.store.now() + days * 86_400 };
  return applyChanges(target, { ...fields, ...due, ...meta }, context);
});

const remove = operation({}, (_, context, target) => {
  assertStatus(target, 'deleted', 'draft');
  context.store.delete('invoice', target.id);
  context.emit('invoice.deleted', target);
  return { id: target.id, object: 'invoice', deleted: true };
});

const finalize = operation({ auto_advance: flag }, (_, context, target) => {
  assertStatus(target, 'finalized', 'draft');
  return finalizeInvoice(target, context);
});

const pay = operation(
  {
    forgive: flag,
    mandate: stringParam,
    off_session: flag,
    paid_out_of_band: flag,
    payment_method: stringParam,
    source: stringParam,
  },
  ({ paid_out_of_band: outOfBand = false, payment_method: given }, context, target) => {
    if (target.status === 'paid') throw conflict('Invoice is already paid', { code: 'invoice_already_paid' });
    assertStatus(target, 'paid', 'draft', 'open', 'uncollectible');
    const method = given ?? paymentMethodOf(target, context);
    if (!outOfBand && method === undefined && Number(target.amount_due) > 0) throw conflict(NO_METHOD);
    const open = target.status === 'draft' ? finalizeInvoice(target, context) : target;
    if (open.status === 'paid') return open;
    if (!outOfBand) chargeInvoice(open, String(method), context);
    return markPaid(open, context);
  },
);

const send = operation({}, (_, context, target) => {
  assertStatus(target, 'sent', 'draft', 'open');
  const open = target.status === 'draft' ? finalizeInvoice(target, context) : target;
  context.emit('invoice.sent', open);
  return open;
});

const voidInvoice = operation({}, (_, context, target) => {
  assertStatus(target, 'voided', 'open', 'uncollectible');
  return setStatus(target, 'void', 'voided_at', context, 'invoice.voided');
});

const markUncollectible = operation({}, (_, context, target) => {
  assertStatus(target, 'marked uncollectible', 'open');
  return setStatus(target, 'uncollectible', 'marked_uncollectible_at', context, 'invoice.marked_uncollectible');
});

const NO_METHOD =
  'This customer has no attached payment source or default payment method. Please consider adding a default payment method.';

/** Gives a draft its number and opens it; an invoice with nothing due is paid at once. */
function finalizeInvoice(draft: StripeObject, context: Context): StripeObject {
  const { store } = context;
  const owner = context.find('customer', String(draft.customer), 'customer');
  const sequence = Number(owner.next_invoice_sequence);
  store.put({ ...owner, next_invoice_sequence: sequence + 1 });
  const number = draft.number ?? `${String(owner.invoice_prefix)}-${String(sequence).padStart(4, '0')}`;
  const page = `https://invoice.sandbox.example/${draft.id}`;
  const numbered = {
    ...draft,
    number,
    hosted_invoice_url: page,
    invoice_pdf: `${page}/pdf`,
    effective_at: store.now(),
  };
  const open = setStatus(numbered, 'open', 'finalized_at', context, 'invoice.finalized');
  return Number(open.amount_due) === 0 ? markPaid(open, context) : open;
}

function markPaid(open: StripeObject, context: Context): StripeObject {
  const sums = { amount_paid: open.amount_due, amount_remaining: 0, attempted: true, auto_advance: false };
  const paid = setStatus({ ...open, ...sums }, 'paid', 'paid_at', context, 'invoice.paid');
  context.emit('invoice.payment_succeeded', paid);
  return paid;
}

/** Charges the amount due. When the card is declined, counts the attempt on the open invoice and throws the 402. */
function chargeInvoice(open: StripeObject, method: string, context: Context): void {
  const { store } = context;
  const { amount_due: amount, currency: code, customer, application_fee_amount = null, transfer_data = null } = open;
  const intent = store.put({
    ...paymentIntent.blank(store),
    id: store.newId('pi'),
    object: 'payment_intent',
    ...{ amount, currency: code, customer, application_fee_amount, transfer_data, status: 'requires_confirmation' },
  });
  context.emit('payment_intent.created', intent);
  try {
    confirmIntent(intent, method, context);
  } catch (thrown) {
    const attempted = store.put({ ...open, attempted: true, attempt_count: Number(open.attempt_count) + 1 });
    context.emit('invoice.payment_failed', attempted);
    throw thrown;
  }
}

/** Sets the status and the time of the transition, and emits the event. */
function setStatus(
  invoice: StripeObject,
  status: string,
  stamp: string,
  context: Context,
  event: string,
): StripeObject {
  const { store } = context;
  const transitions = { ...(invoice.status_transitions as object), [stamp]: store.now() };
  const after = store.put({ ...invoice, status, status_transitions: transitions });
  context.emit(event, after);
  return after;
}

/** Adds the customer's items that belong to no invoice. */
function attachPendingItems(invoice: StripeObject, { store }: Context): void {
  for (const item of [...store.all('invoiceitem').newestFirst()]) {
    if (item.invoice === null && item.customer === invoice.customer) store.put({ ...item, invoice: invoice.id });
  }
}

function paymentMethodOf(
  { default_payment_method: own, customer }: StripeObject,
  context: Context,
): string | undefined {
  const { invoice_settings: settings, default_source: source } = context.find('customer', String(customer), 'customer');
  const customerDefault = (settings as { default_payment_method?: string | null } | null)?.default_payment_method;
  return (own ?? customerDefault ?? source ?? undefined) as string | undefined;
}

function assertTerms(method: string | undefined, days: number | undefined, due: number | undefined): void {
  const terms = days !== undefined || due !== undefined;
  if (method === 'send_invoice' && !terms) {
    const message = 'If invoices are created with send_invoice, days_until_due or due_date must be given.';
    throw invalid(message, { code: 'parameter_missing', param: 'days_until_due' });
  }
  if (method !== 'send_invoice' && terms) {
    throw invalid('You can only specify days_until_due if collection_method is send_invoice.', {
      param: 'days_until_due',
    });
  }
}

function assertStatus({ status }: StripeObject, verb: string, ...allowed: readonly string[]): void {
  if (allowed.includes(String(status))) return;
  const message = `This invoice cannot be ${verb}: its status is ${String(status)}.`;
  throw conflict(message, { code: 'invoice_not_editable' });
}

function blankInvoice(store: AccountStore) {
  const now = store.now();
  return {
    account_country: 'US',
    account_name: 'Sandbox',
    account_tax_ids: null,
    ...{ amount_due: 0, amount_overpaid: 0, amount_paid: 0, amount_remaining: 0, amount_shipping: 0 },
    application: null,
    attempt_count: 0,
    attempted: false,
    auto_advance: false,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null, provider: null, status: null },
    automatically_finalizes_at: null,
    billing_reason: 'manual',
    collection_method: 'charge_automatically',
    created: now,
    currency: 'usd',
    custom_fields: null,
    customer: null,
    customer_account: null,
    ...{ customer_address: null, customer_email: null, customer_name: null, customer_phone: null },
    ...{ customer_shipping: null, customer_tax_exempt: 'none', customer_tax_ids: [] },
    ...{ default_payment_method: null, default_source: null, default_tax_rates: [] },
    description: null,
    discounts: [],
    due_date: null,
    effective_at: null,
    ending_balance: null,
    footer: null,
    from_invoice: null,
    hosted_invoice_url: null,
    invoice_pdf: null,
    issuer: { type: 'self' },
    last_finalization_error: null,
    latest_revision: null,
    lines: { object: 'list', data: [], has_more: false, total_count: 0, url: '' },
    livemode: store.livemode,
    metadata: {},
    next_payment_attempt: null,
    number: null,
    on_behalf_of: null,
    parent: null,
    payment_settings: { default_mandate: null, payment_method_options: null, payment_method_types: null },
    ...{ period_end: now, period_start: now },
    ...{ post_payment_credit_notes_amount: 0, pre_payment_credit_notes_amount: 0 },
    receipt_number: null,
    rendering: null,
    ...{ shipping_cost: null, shipping_details: null },
    starting_balance: 0,
    statement_descriptor: null,
    status: 'draft',
    status_transitions: { finalized_at: null, marked_uncollectible_at: null, paid_at: null, voided_at: null },
    subscription: null,
    ...{ subtotal: 0, subtotal_excluding_tax: 0, total: 0, total_excluding_tax: 0 },
    test_clock: null,
    ...{ total_discount_amounts: [], total_pretax_credit_amounts: [], total_taxes: [] },
    webhooks_delivered_at: null,
  };
}

export const invoice: Resource = {
  object: 'invoice',
  collection: 'invoices',
  title: 'invoice',
  create,
  update,
  remove,
  actions: { finalize, pay, send, void: voidInvoice, mark_uncollectible: markUncollectible },
  filters: {
    collection_method: byValue('collection_method'),
    created: byTime('created'),
    customer: byValue('customer'),
    due_date: byTime('due_date'),
    status: byValue('status', oneOf('draft', 'open', 'paid', 'uncollectible', 'void')),
    subscription: byValue('subscription'),
  },
  searchable: { currency: 'token', customer: 'token', number: 'token', status: 'token', total: 'number' },
  expands: { customer: 'customer' },
  blank: blankInvoice,
};
