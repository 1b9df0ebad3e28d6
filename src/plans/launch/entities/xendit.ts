import { emailKey } from '../../../email.ts';
import { parseCurrency } from '../../../money.ts';
import type { Entity, PostgresTarget, RejectOutcome } from '../../../plan/contract.ts';
import type { JsonObject } from '../../../plan/json.ts';
import type { XenditList } from '../../../sources/xendit/api.ts';
import { xenditSource } from '../sources.ts';
import {
  amountOf,
  instantOf,
  isPresent,
  isUnreadableInstant,
  objectOf,
  rawMoneyOf,
  recordSchema,
  storableJson,
  syncedAtColumn,
  textOf,
  unreadableTextNotes,
} from '../values.ts';

/** Both lists are kept in one table: `type` distinguishes an invoice from a payment, a refund, and so on. */
const xenditRawTarget = {
  kind: 'postgres',
  table: 'xendit_raw',
  naturalKey: ['xendit_id'],
  columns: {
    xendit_id: { type: 'text', unique: true },
    type: { type: 'text' },
    status: { type: 'text', nullable: true },
    settlement_status: { type: 'text', nullable: true },
    product_id: { type: 'text', nullable: true, indexed: true },
    reference_id: { type: 'text', nullable: true, indexed: true },
    payment_link_id: { type: 'text', nullable: true, indexed: true },
    business_id: { type: 'text', nullable: true },
    currency: { type: 'text', nullable: true },
    amount: { type: 'numeric(19,4)', nullable: true },
    payer_email: { type: 'text', nullable: true },
    payer_name: { type: 'text', nullable: true },
    description: { type: 'text', nullable: true },
    payment_method: { type: 'text', nullable: true },
    created: { type: 'timestamptz', nullable: true },
    updated: { type: 'timestamptz', nullable: true },
    paid_at: { type: 'timestamptz', nullable: true },
    api_synced_at: syncedAtColumn,
    api_response: { type: 'jsonb' },
  },
} as const satisfies PostgresTarget;

function createRawEntity(title: string, list: XenditList) {
  return {
    title,
    dependsOn: [],
    source: xenditSource(list),
    schema: recordSchema,
    transform: (raw, { sourceId }) => {
      const row = xenditRow(raw, sourceId);
      return unreadableDate(raw) ?? { kind: 'row', row, notes: unreadableNotes(raw, row) };
    },
    target: xenditRawTarget,
    rawMoney: { amount: 'amount', currency: 'currency', pick: (raw) => rawMoneyOf(raw) },
  } satisfies Entity;
}

export const xenditTransactions = createRawEntity('Xendit transactions, as Xendit says them', 'transactions');
export const xenditInvoices = createRawEntity('Xendit invoices, as Xendit says them', 'invoices');

/** Refuses a record with a date that is there and cannot be read: taken as absent, it would move money into another quarter. */
function unreadableDate(raw: JsonObject): RejectOutcome | undefined {
  const fields = isFileLine(raw) ? fileDates : apiDates;
  const field = fields.find((name) => isUnreadableInstant(raw[name], raw.Timezone));
  return field === undefined
    ? undefined
    : { kind: 'reject', code: 'BAD_DATE', field, message: 'the date cannot be read' };
}

const apiDates = ['created', 'updated', 'paid_at'];
const fileDates = [
  ...['Created Timestamp', 'Timestamp - Created', 'Timestamp - Updated', 'Settled Timestamp'],
  ...['Paid Timestamp', 'Payment Date'],
];

/** What is there and cannot be read: kept in `api_response`, absent from its column, and named. */
function unreadableNotes(raw: JsonObject, row: JsonObject): string[] {
  const isFile = isFileLine(raw);
  const [amount, currency] = isFile ? [raw.Amount, raw.Currency] : [raw.amount, raw.currency];
  const customer = objectOf(raw.customer);
  const emails = isFile ? [raw.Email, raw['Customer Email']] : [raw.payer_email, customer.email];
  const email = emails.find(isPresent);
  return [
    ...(isPresent(amount) && row.amount === null ? ['BAD_AMOUNT: amount cannot be read'] : []),
    ...(isPresent(currency) && row.currency === null ? ['UNKNOWN_CURRENCY: currency cannot be read'] : []),
    ...(isPresent(email) && row.payer_email === null ? ['BAD_EMAIL: payer_email cannot be read'] : []),
    ...(isFile ? [] : unreadableFieldNotes(raw, customer)),
  ];
}

/** Texts of the API that are none: a line of a file has texts only. */
function unreadableFieldNotes(raw: JsonObject, customer: JsonObject): string[] {
  const { status, settlement_status, product_id, reference_id, external_id, business_id, description } = raw;
  const { payment_channel, channel_code, payment_method, customer: whole, product_data: product } = raw;
  const objects = { customer: whole, product_data: product };
  return [
    ...unreadableTextNotes({ status, settlement_status, product_id, reference_id, external_id, business_id }),
    ...unreadableTextNotes({ description, payment_channel, channel_code, payment_method }),
    ...unreadableTextNotes({ given_names: customer.given_names, surname: customer.surname }),
    ...unreadableTextNotes({ payment_link_id: objectOf(product).payment_link_id }),
    ...Object.entries(objects).flatMap(([field, value]) =>
      isPresent(value) && (typeof value !== 'object' || Array.isArray(value))
        ? [`BAD_TEXT: ${field} cannot be read`]
        : [],
    ),
  ];
}

// The first address that is there counts: another may be another person's.
function payerEmailOf(...given: readonly unknown[]): string | null {
  return emailKey(given.find(isPresent));
}

function isFileLine(raw: JsonObject): boolean {
  return 'Invoice ID' in raw || 'External ID' in raw || 'Transaction ID' in raw;
}

/** A record of either list, or a line of either legacy file, as `xendit_raw` keeps it: what is asked for, and all of it. */
export function xenditRow(raw: JsonObject, sourceId: string): JsonObject {
  const shape = isFileLine(raw) ? saleFromFile(raw) : saleFromApi(raw);
  return { xendit_id: sourceId, ...shape, api_response: storableJson(raw) };
}

function saleFromApi(raw: JsonObject): JsonObject {
  const customer = objectOf(raw.customer);
  const isInvoice = raw.type === undefined && 'external_id' in raw;
  const names = [customer.given_names, customer.surname].map(textOf).filter((name) => name !== null);
  return {
    type: isInvoice ? 'INVOICE' : (textOf(raw.type) ?? 'UNKNOWN'),
    status: textOf(raw.status),
    settlement_status: textOf(raw.settlement_status),
    product_id: textOf(raw.product_id),
    reference_id: textOf(isInvoice ? raw.external_id : raw.reference_id),
    payment_link_id: textOf(objectOf(raw.product_data).payment_link_id),
    business_id: textOf(raw.business_id ?? raw.user_id),
    currency: currencyOf(raw.currency),
    amount: amountOf(raw.amount, currencyOf(raw.currency)),
    payer_email: payerEmailOf(raw.payer_email, customer.email),
    payer_name: names.length > 0 ? names.join(' ') : null,
    description: textOf(raw.description),
    payment_method: textOf(raw.payment_channel) ?? textOf(raw.channel_code) ?? textOf(raw.payment_method),
    created: instantOf(raw.created),
    updated: instantOf(raw.updated),
    paid_at: instantOf(raw.paid_at),
  };
}

/** Lines of the dashboard's exports, by the names of their columns: invoices, or transactions. */
function saleFromFile(raw: JsonObject): JsonObject {
  const isInvoice = textOf(raw['Transaction ID']) === null;
  const zone = raw.Timezone;
  return {
    type: isInvoice ? 'INVOICE' : (textOf(raw.Type) ?? 'UNKNOWN').toUpperCase(),
    status: textOf(raw.Status)?.toUpperCase() ?? null,
    settlement_status: textOf(raw['Settlement Status'])?.toUpperCase() ?? null,
    product_id: textOf(raw['Product ID']),
    reference_id: textOf(raw['External ID']) ?? textOf(raw.Reference),
    payment_link_id: isInvoice ? null : textOf(raw['Invoice ID']),
    business_id: null,
    currency: currencyOf(raw.Currency),
    amount: amountOf(raw.Amount, currencyOf(raw.Currency)),
    payer_email: payerEmailOf(raw.Email, raw['Customer Email']),
    payer_name: textOf(raw['Customer Name']),
    description: textOf(raw.Description),
    payment_method: textOf(raw['Bank Name']) ?? textOf(raw['Channel Name']) ?? textOf(raw['Payment Method']),
    created: instantOf(raw['Created Timestamp'], zone) ?? instantOf(raw['Timestamp - Created'], zone),
    updated: instantOf(raw['Timestamp - Updated'], zone) ?? instantOf(raw['Settled Timestamp'], zone),
    paid_at: instantOf(raw['Paid Timestamp'], zone) ?? instantOf(raw['Payment Date'], zone),
  };
}

function currencyOf(value: unknown): string | null {
  const text = textOf(value);
  return text === null ? null : (parseCurrency(text) ?? null);
}
