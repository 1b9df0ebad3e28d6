import { DateTime } from 'luxon';
import { emailKey } from '../../email.ts';
import { exponentOf, parseCurrency, toMinor } from '../../money.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { LaunchParams } from './params.ts';
import { instantOf, isPresent, objectOf, storedAmountOf, textOf } from './values.ts';

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
  readonly status:
    | SaleStatus
    | { readonly skip: 'ATTEMPT' | 'NOT_A_SALE'; readonly message: string }
    | { readonly unknownType: string }
    | undefined;
  readonly amount: string | null;
  readonly currency: string | null;
  /** Which of the two the deciding record has in a form that cannot be read. */
  readonly unreadable: { readonly amount: boolean; readonly currency: boolean };
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

/** The payment of an invoice is counted with the invoice; it is no sale of its own. */
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
  // The invoice says what was paid where the payment says nothing, and not where it says what cannot be read.
  const deciding = (name: 'amount' | 'currency') => (isGiven(payment, name) ? payment : own);
  const amount = storedAmountOf(deciding('amount').amount);
  const currency = currencyOf(deciding('currency').currency);
  const createdAt = instantOf(own.created);
  return {
    status: isInvoice ? invoiceStatus(own, payment) : transactionStatus(own, invoice),
    amount,
    currency,
    unreadable: {
      amount: amount === null && isGiven(deciding('amount'), 'amount'),
      currency: currency === null && isGiven(deciding('currency'), 'currency'),
    },
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

/** Whether the source gave the field, readable (then the column has it) or not. */
function isGiven(row: JsonObject, name: 'amount' | 'currency'): boolean {
  return isPresent(row[name]) || isPresent(objectOf(row.given)[name]);
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

// Types of Xendit that move money and sell nothing. One that is not here is refused by name: it may be a sale.
const transfers = new Set([
  ...['DISBURSEMENT', 'BATCH_DISBURSEMENT', 'REMITTANCE', 'REMITTANCE_PAYOUT', 'PAYOUT', 'WITHDRAWAL', 'TOPUP'],
  ...['TRANSFER', 'TRANSFER_IN', 'TRANSFER_OUT', 'CONVERSION', 'FEE', 'TAX', 'ADJUSTMENT', 'LOAN_REPAYMENT'],
]);

function transactionStatus(own: JsonObject, invoice: JsonObject): Sale['status'] {
  const type = textOf(own.type) ?? '';
  if (type === 'REFUND' || type === 'CHARGEBACK') {
    if (own.status === 'SUCCESS') return type === 'REFUND' ? 'REFUNDED' : 'CHARGEBACK';
    return { skip: 'ATTEMPT', message: `a ${type.toLowerCase()} that did not take place` };
  }
  if (transfers.has(type)) return { skip: 'NOT_A_SALE', message: 'money moved, and nothing was sold' };
  if (type !== 'PAYMENT') return { unknownType: type };
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

/**
 * The fiscal year and quarter of a moment. A year that begins in April 2024 is the year 2025 to some and 2024 to others; here
 * a year has the number of the calendar year it ends in, as most do.
 */
export function fiscalPeriodOf(at: string, { fiscalYearStart = 1, timeZone = 'Asia/Manila' }: LaunchParams) {
  const { year, month } = DateTime.fromISO(at, { zone: timeZone });
  const months = (month - fiscalYearStart + 12) % 12;
  const begun = month >= fiscalYearStart ? year : year - 1;
  return { fiscal_year: fiscalYearStart === 1 ? begun : begun + 1, fiscal_quarter: Math.floor(months / 3) + 1 };
}

/**
 * Sales out of `xendit_raw`. An invoice is a sale, whatever became of it; a transaction that paid it says what that was, and
 * is no sale of its own. What is left of the transactions are refunds, chargebacks, payments without an invoice, attempts,
 * and movements that are no sale at all.
 *
 * Which field of a transaction names its invoice depends on the product used: its payment link, its product id, or, when the
 * invoice is the only one with it, its reference.
 */

/** The invoice of the transaction `t`, as `alias`. */
export const invoiceJoin = (t: string, alias: string): string => `LATERAL (
  SELECT i.* FROM (
    SELECT i.*, 1 AS nearness FROM {schema}.xendit_raw i WHERE i.type = 'INVOICE' AND i.xendit_id IN (${t}.payment_link_id, ${t}.product_id)
    UNION ALL
    SELECT i.*, 2 FROM {schema}.xendit_raw i WHERE i.type = 'INVOICE' AND i.reference_id = ${t}.reference_id
      AND NOT EXISTS (SELECT 1 FROM {schema}.xendit_raw o
        WHERE o.type = 'INVOICE' AND o.reference_id = ${t}.reference_id AND o.xendit_id <> i.xendit_id)
  ) i ORDER BY i.nearness, i.xendit_id = ${t}.payment_link_id DESC LIMIT 1
) ${alias}`;

/** The transaction that paid the invoice `i`, as `alias`: the first that succeeded, or was taken back since. */
const paymentJoin = (i: string, alias: string): string => `LATERAL (
  SELECT p.* FROM {schema}.xendit_raw p
  WHERE p.type = 'PAYMENT' AND p.status IN ('SUCCESS', 'REVERSED', 'VOIDED')
    AND (p.payment_link_id = ${i}.xendit_id OR p.product_id = ${i}.xendit_id OR p.reference_id = ${i}.reference_id)
    AND EXISTS (SELECT 1 FROM ${invoiceJoin('p', 'own')} WHERE own.xendit_id = ${i}.xendit_id)
  ORDER BY p.status <> 'SUCCESS', p.created, p.xendit_id LIMIT 1
) ${alias}`;

/**
 * A row of xendit_raw without what the API said in full; numbers as text, because JSON's are not exact. `given` is what the
 * source said of the money: a column is null both of a field that is absent and of one that cannot be read.
 */
const rowJson = (alias: string): string => `CASE WHEN ${alias}.xendit_id IS NOT NULL THEN
  to_jsonb(${alias}) - ARRAY['id', 'api_response', 'api_synced_at', 'nearness'] || jsonb_build_object('amount', ${alias}.amount::text,
    'given', jsonb_build_object('amount', coalesce(${alias}.api_response -> 'amount', ${alias}.api_response -> 'Amount'),
      'currency', coalesce(${alias}.api_response -> 'currency', ${alias}.api_response -> 'Currency'))) END`;

const rawRowsPage = `SELECT * FROM {schema}.xendit_raw
  WHERE xendit_id > $1 AND ($3::text[] IS NULL OR xendit_id = ANY ($3)) ORDER BY xendit_id LIMIT $2`;

/**
 * A page of xendit_raw, each row with its invoice and the payment of that. `more` are further columns, over `r` (the row)
 * and `email` (the payer's address), from the `joins`.
 */
export function salesPageSql(more: string, joins: string): string {
  return `
SELECT r.xendit_id AS key, ${rowJson('r')} AS own, ${rowJson('inv')} AS invoice, ${rowJson('pay')} AS payment${more}
FROM (${rawRowsPage}) r
LEFT JOIN ${invoiceJoin('r', 'inv')} ON r.type <> 'INVOICE'
LEFT JOIN LATERAL (SELECT coalesce(inv.xendit_id, r.xendit_id) AS xendit_id, coalesce(inv.reference_id, r.reference_id) AS reference_id
  WHERE r.type = 'INVOICE' OR inv.xendit_id IS NOT NULL) of_invoice ON true
LEFT JOIN ${paymentJoin('of_invoice', 'pay')} ON of_invoice.xendit_id IS NOT NULL
CROSS JOIN LATERAL (SELECT coalesce(r.payer_email, inv.payer_email) AS email) payer
${joins}
ORDER BY r.xendit_id`;
}
