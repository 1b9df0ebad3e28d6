import { exponentOf, parseCurrency, toMinor } from '../../../money.ts';
import type { JsonObject } from '../../../plan/json.ts';
import { amountOf, emailKey, instantOf, objectOf, textOf } from '../values.ts';

export type SaleStatus =
  | 'PAID'
  | 'SETTLED'
  | 'EXPIRED'
  | 'UNPAID'
  | 'FAILED'
  | 'VOIDED'
  | 'REVERSED'
  | 'REFUNDED'
  | 'CHARGEBACK';

/** What can be said of a record of xendit_raw once its invoice and payment are known. Pure, and of any JSON. */
export interface Sale {
  readonly status: SaleStatus | { readonly skip: 'ATTEMPT' | 'NOT_A_SALE'; readonly message: string } | undefined;
  readonly amount: string | null;
  readonly currency: string | null;
  /** Minor units; null when amount or currency cannot be read. */
  readonly minor: bigint | null;
  readonly email: string | null;
  readonly payerName: string | null;
  readonly description: string | null;
  readonly externalId: string | null;
  readonly productId: string | null;
  readonly paymentMethod: string | null;
  readonly transactionId: string | null;
  readonly invoiceId: string | null;
  readonly createdAt: string | null;
  /** When the money moved; it decides the quarter. */
  readonly paidAt: string | null;
}

/** 1 for what is revenue, -1 for what was given back, 0 for what never was any. */
export function revenueSign(status: SaleStatus): 1 | -1 | 0 {
  if (status === 'PAID' || status === 'SETTLED') return 1;
  return status === 'REFUNDED' || status === 'CHARGEBACK' ? -1 : 0;
}

/** The payment of an invoice is told by the invoice; as a record of its own it is none. */
export function isOwnSale(row: { readonly own?: unknown; readonly payment?: unknown }): boolean {
  const own = objectOf(row.own);
  return own.type === 'INVOICE' || textOf(objectOf(row.payment).xendit_id) !== textOf(own.xendit_id);
}

export function parseSale(raw: JsonObject): Sale {
  const own = objectOf(raw.own);
  const isInvoice = own.type === 'INVOICE';
  const invoice = isInvoice ? own : objectOf(raw.invoice);
  const payment = isInvoice ? objectOf(raw.payment) : own;
  const pick = (name: string) => textOf(payment[name]) ?? textOf(invoice[name]);
  const amount = amountOf(payment.amount) ?? amountOf(own.amount);
  const currency = currencyOf(payment.currency) ?? currencyOf(own.currency);
  const createdAt = instantOf(own.created);
  return {
    status: isInvoice ? invoiceStatus(own, payment) : transactionStatus(own, invoice),
    amount,
    currency,
    minor: minorUnitsOf(amount, currency),
    email: emailKey(own.payer_email) ?? emailKey(invoice.payer_email),
    payerName: textOf(invoice.payer_name) ?? textOf(own.payer_name),
    description: textOf(invoice.description) ?? textOf(own.description),
    externalId: textOf(invoice.reference_id) ?? textOf(own.reference_id),
    productId: textOf(payment.product_id),
    paymentMethod: pick('payment_method'),
    transactionId: textOf(payment.xendit_id),
    invoiceId: textOf(invoice.xendit_id),
    createdAt,
    paidAt: (isInvoice ? instantOf(own.paid_at) : null) ?? instantOf(payment.created) ?? createdAt,
  };
}

const invoiceStatuses: Readonly<Record<string, SaleStatus>> = {
  PAID: 'PAID',
  SETTLED: 'SETTLED',
  EXPIRED: 'EXPIRED',
  UNPAID: 'UNPAID', // in the files
  PENDING: 'UNPAID', // of the API
};

function invoiceStatus(invoice: JsonObject, payment: JsonObject): Sale['status'] {
  const own = invoiceStatuses[textOf(invoice.status) ?? ''];
  const paid = paymentStatus(payment);
  // A payment that succeeded outranks what the invoice says; a settlement may be known to either of the two.
  return paid === 'PAID' && own === 'SETTLED' ? 'SETTLED' : (paid ?? own);
}

function paymentStatus({ status, settlement_status: settlement }: JsonObject): SaleStatus | undefined {
  if (status === 'SUCCESS') return settlement === 'SETTLED' || settlement === 'EARLY_SETTLED' ? 'SETTLED' : 'PAID';
  return status === 'REVERSED' || status === 'VOIDED' ? status : undefined;
}

function transactionStatus(own: JsonObject, invoice: JsonObject): Sale['status'] {
  const type = textOf(own.type) ?? '';
  if (type === 'REFUND' || type === 'CHARGEBACK') {
    if (own.status === 'SUCCESS') return type === 'REFUND' ? 'REFUNDED' : 'CHARGEBACK';
    return { skip: 'ATTEMPT', message: `a ${type.toLowerCase()} that did not take place` };
  }
  if (type !== 'PAYMENT') return { skip: 'NOT_A_SALE', message: 'money moved, and nothing was sold' };
  const done = paymentStatus(own);
  if (done !== undefined) return done;
  if (textOf(invoice.xendit_id) !== null)
    return { skip: 'ATTEMPT', message: 'an attempt at an invoice, which is the sale' };
  return own.status === 'PENDING' ? 'UNPAID' : own.status === 'FAILED' ? 'FAILED' : undefined;
}

function currencyOf(value: unknown): string | null {
  const text = textOf(value);
  return text === null ? null : (parseCurrency(text) ?? null);
}

function minorUnitsOf(amount: string | null, currency: string | null): bigint | null {
  if (amount === null || currency === null || amount.startsWith('-')) return null;
  const [, decimals = ''] = amount.split('.');
  return decimals.length > exponentOf(currency) ? null : toMinor(amount, currency);
}
