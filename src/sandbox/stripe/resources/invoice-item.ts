import { conflict, invalid } from '../failure.ts';
import {
  currency,
  flag,
  integer,
  mergeMetadata,
  metadata,
  metadataChange,
  optionalText,
  stringParam,
  unvalidated,
} from '../params.ts';
import type { AccountStore, StripeObject } from '../store.ts';
import { applyChanges, byTime, byValue, type Context, operation, type Resource } from './resource.ts';

const SHARED = {
  amount: integer(),
  description: optionalText(),
  discountable: flag,
  metadata,
  period: unvalidated,
  quantity: integer(0),
};

const create = operation(
  { ...SHARED, currency, customer: stringParam, invoice: stringParam, pricing: unvalidated },
  (
    { amount: given, currency: code, customer, invoice, pricing, metadata: pairs, quantity = 1, ...fields },
    context,
  ) => {
    const { store } = context;
    const draft = invoice === undefined ? undefined : findDraftInvoice(invoice, context);
    const owner = customer ?? (draft?.customer as string | undefined);
    if (owner === undefined)
      throw invalid('Missing required param: customer.', { code: 'parameter_missing', param: 'customer' });
    context.find('customer', owner, 'customer');
    const price = pricing === undefined ? undefined : context.find('price', priceIdOf(pricing), 'pricing[price]');
    const amount = given ?? (price === undefined ? undefined : Number(price.unit_amount) * quantity);
    if (amount === undefined)
      throw invalid('Missing required param: amount.', { code: 'parameter_missing', param: 'amount' });
    const made = store.put({
      ...blankItem(store),
      ...fields,
      id: store.newId('ii'),
      object: 'invoiceitem',
      ...{
        amount,
        customer: owner,
        quantity,
        quantity_decimal: String(quantity),
        net_amount: amount,
        invoice: invoice ?? null,
      },
      currency: code ?? price?.currency ?? draft?.currency ?? 'usd',
      metadata: mergeMetadata({}, pairs),
    });
    context.emit('invoiceitem.created', made);
    if (draft !== undefined) store.put(withTotals(draft, store));
    return made;
  },
);

const update = operation(SHARED, ({ metadata: pairs, ...fields }, context, target) => {
  const draft = target.invoice === null ? undefined : findDraftInvoice(String(target.invoice), context);
  const after = applyChanges(target, { ...fields, ...metadataChange(target, pairs) }, context);
  if (draft !== undefined) context.store.put(withTotals(draft, context.store));
  return after;
});

const remove = operation({}, (_, context, target) => {
  const draft = target.invoice === null ? undefined : findDraftInvoice(String(target.invoice), context);
  context.store.delete('invoiceitem', target.id);
  if (draft !== undefined) context.store.put(withTotals(draft, context.store));
  return { id: target.id, object: 'invoiceitem', deleted: true };
});

/** The draft invoice with this id. Throws StripeFailure when the invoice is no longer a draft. */
function findDraftInvoice(id: string, context: Context): StripeObject {
  const invoice = context.find('invoice', id, 'invoice');
  if (invoice.status === 'draft') return invoice;
  throw conflict('Invoice items can only be changed while their invoice is a draft.', { code: 'invoice_not_editable' });
}

function priceIdOf(pricing: unknown): string {
  return String((pricing as { price?: unknown } | null)?.price);
}

/** A draft invoice with the lines and totals of its items. */
export function withTotals(invoice: StripeObject, store: AccountStore): StripeObject {
  const items = [...store.all('invoiceitem').newestFirst()].filter((item) => item.invoice === invoice.id).reverse();
  const total = items.reduce((sum, { amount }) => sum + Number(amount), 0);
  const currency = items[0]?.currency ?? invoice.currency;
  const due = Math.max(0, total);
  return {
    ...invoice,
    currency,
    ...{ amount_due: due, amount_remaining: due, subtotal: total, subtotal_excluding_tax: total },
    ...{ total, total_excluding_tax: total },
    lines: linesOf(invoice.id, items),
  };
}

function linesOf(invoice: string, items: readonly StripeObject[]) {
  const data = items.map((item) => lineOf(invoice, item));
  return { object: 'list', data, has_more: false, total_count: data.length, url: `/v1/invoices/${invoice}/lines` };
}

function lineOf(invoice: string, item: StripeObject) {
  const { amount, currency, description, discountable, livemode, metadata, period, quantity } = item;
  return {
    id: item.id.replace(/^ii/, 'il'),
    object: 'line_item',
    ...{ amount, currency, description, discountable, livemode, metadata, period, quantity, invoice },
    discount_amounts: [],
    discounts: [],
    parent: { type: 'invoice_item_details', invoice_item_details: { invoice_item: item.id, proration: false } },
    pricing: null,
    subscription: null,
    subtotal: amount,
    taxes: [],
  };
}

function blankItem(store: AccountStore) {
  return {
    amount: 0,
    currency: 'usd',
    customer: null,
    customer_account: null,
    date: store.now(),
    description: null,
    discountable: true,
    discounts: [],
    invoice: null,
    livemode: store.livemode,
    metadata: {},
    net_amount: 0,
    parent: null,
    period: { end: store.now(), start: store.now() },
    pricing: null,
    proration: false,
    quantity: 1,
    quantity_decimal: '1',
    tax_rates: [],
    test_clock: null,
  };
}

export const invoiceItem: Resource = {
  object: 'invoiceitem',
  collection: 'invoiceitems',
  title: 'invoiceitem',
  create,
  update,
  remove,
  filters: {
    created: byTime('date'),
    customer: byValue('customer'),
    invoice: byValue('invoice'),
    pending: { reader: flag, matches: ({ invoice }, wanted) => (invoice === null) === wanted },
  },
  expands: { customer: 'customer', invoice: 'invoice' },
  blank: blankItem,
};
