import { conflict, invalid } from '../failure.ts';
import { currency } from '../params/currency.ts';
import { mergeMetadata, metadata } from '../params/metadata.ts';
import { flag, integer, optionalText, stringParam, unvalidated } from '../params/readers.ts';
import type { StripeObject } from '../store/object.ts';
import type { AccountStore } from '../store/world.ts';
import { byTime, byValue } from './filters.ts';
import { withTotals } from './invoice-totals.ts';
import { metadataOf } from './product.ts';
import { type Context, operation, type Resource } from './resource.ts';
import { applyChanges } from './update.ts';

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
    const { world } = context;
    const draft = invoice === undefined ? undefined : findDraftInvoice(invoice, context);
    const owner = customer ?? (draft?.customer as string | undefined);
    if (owner === undefined)
      throw invalid('Missing required param: customer.', { code: 'parameter_missing', param: 'customer' });
    context.find('customer', owner, 'customer');
    const price = pricing === undefined ? undefined : context.find('price', priceIdOf(pricing), 'pricing[price]');
    const amount = given ?? (price === undefined ? undefined : Number(price.unit_amount) * quantity);
    if (amount === undefined)
      throw invalid('Missing required param: amount.', { code: 'parameter_missing', param: 'amount' });
    const made = world.put({
      ...blankItem(world),
      ...fields,
      id: world.newId('ii'),
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
    if (draft !== undefined) world.put(withTotals(draft, world));
    return made;
  },
);

const update = operation(SHARED, ({ metadata: pairs, ...fields }, context, target) => {
  const draft = target.invoice === null ? undefined : findDraftInvoice(String(target.invoice), context);
  const meta = pairs === undefined ? {} : { metadata: mergeMetadata(metadataOf(target), pairs) };
  const after = applyChanges(target, { ...fields, ...meta }, context);
  if (draft !== undefined) context.world.put(withTotals(draft, context.world));
  return after;
});

const remove = operation({}, (_, context, target) => {
  const draft = target.invoice === null ? undefined : findDraftInvoice(String(target.invoice), context);
  context.world.delete('invoiceitem', target.id);
  if (draft !== undefined) context.world.put(withTotals(draft, context.world));
  return { id: target.id, object: 'invoiceitem', deleted: true };
});

/** Throws StripeFailure once the invoice is finalized: nothing can be added to it. */
function findDraftInvoice(id: string, context: Context): StripeObject {
  const invoice = context.find('invoice', id, 'invoice');
  if (invoice.status === 'draft') return invoice;
  throw conflict('Invoice items can only be changed while their invoice is a draft.', { code: 'invoice_not_editable' });
}

function priceIdOf(pricing: unknown): string {
  return String((pricing as { price?: unknown } | null)?.price);
}

function blankItem(world: AccountStore) {
  return {
    amount: 0,
    currency: 'usd',
    customer: null,
    customer_account: null,
    date: world.now(),
    description: null,
    discountable: true,
    discounts: [],
    invoice: null,
    livemode: world.livemode,
    metadata: {},
    net_amount: 0,
    parent: null,
    period: { end: world.now(), start: world.now() },
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
