import type { StripeObject } from '../store/object.ts';
import type { AccountStore } from '../store/world.ts';

/** A draft with its lines and sums as its items make them. */
export function withTotals(invoice: StripeObject, world: AccountStore): StripeObject {
  const items = [...world.all('invoiceitem').newestFirst()].filter((item) => item.invoice === invoice.id).reverse();
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
