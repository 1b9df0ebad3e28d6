import { DateTime } from 'luxon';
import type { ContactDraft } from './contacts.ts';
import type { SaleDraft, TransactionDraft } from './sales.ts';

/** A record in the form of Xendit's API. */
export interface XenditRow {
  readonly id: string;
  readonly created: string;
  readonly updated: string;
  readonly [field: string]: unknown;
}

const BUSINESS = '5fc9f5b246f820517e38c84d';
const DAY_MS = 86_400_000;
const iso = (ms: number): string => new Date(ms).toISOString();
const statusOf = { PAID: 'PAID', SETTLED: 'SETTLED', EXPIRED: 'EXPIRED', UNPAID: 'PENDING' } as const;

/** An invoice as `GET /v2/invoices` returns it. Amounts are in major units; an unpaid one is PENDING here and UNPAID in the CSV. */
export function invoiceRow(sale: SaleDraft): XenditRow {
  const { person, payer, payerIn, paidMs } = sale;
  const amount = sale.minor / 100;
  const updated = paidMs ?? (sale.status === 'EXPIRED' ? sale.createdMs + DAY_MS : sale.createdMs);
  return {
    id: sale.id,
    external_id: sale.externalId,
    user_id: BUSINESS,
    status: statusOf[sale.status],
    merchant_name: 'Papers Example',
    amount,
    ...(payerIn === 'payer_email' ? { payer_email: payer } : {}),
    ...(sale.description === null ? {} : { description: sale.description }),
    currency: 'PHP',
    created: iso(sale.createdMs),
    updated: iso(updated),
    expiry_date: iso(sale.createdMs + DAY_MS),
    ...(paidMs === null
      ? {}
      : { paid_at: iso(paidMs), paid_amount: amount, payment_method: 'EWALLET', payment_channel: sale.channel }),
    ...(payerIn === 'nowhere'
      ? {}
      : { customer: { given_names: person.first, surname: person.last, email: payer, mobile_number: person.phone } }),
  };
}

/** A transaction as `GET /transactions` returns it. Which of three fields refers to the invoice depends on the Xendit product used. */
export function transactionRow(draft: TransactionDraft): XenditRow {
  const { sale, linked, kind, id } = draft;
  const amount = draft.minor / 100;
  const link = linked ? sale?.linkField : undefined;
  const isPayment = kind === 'PAYMENT';
  return {
    id,
    product_id: link === 'product_id' ? (sale?.id ?? '') : `prd-${id.slice(4, 17)}`,
    type: kind,
    status: draft.status,
    channel_category: 'EWALLET',
    channel_code: sale?.channel ?? 'BPI',
    reference_id: link === 'reference_id' ? (sale?.externalId ?? '') : `ref-${id.slice(4, 12)}`,
    account_identifier: null,
    currency: 'PHP',
    amount,
    net_amount: amount,
    net_amount_currency: 'PHP',
    cashflow: isPayment ? 'MONEY_IN' : 'MONEY_OUT',
    settlement_status: draft.status === 'SUCCESS' && isPayment ? (draft.settled ? 'SETTLED' : 'PENDING') : null,
    estimated_settlement_time: null,
    business_id: BUSINESS,
    created: iso(draft.createdMs),
    updated: iso(draft.createdMs + (draft.settled ? 2 * DAY_MS : 60_000)),
    fee: {
      xendit_fee: 22,
      value_added_tax: 3,
      xendit_withholding_tax: 0,
      third_party_withholding_tax: 0,
      status: 'COMPLETED',
    },
    ...(link === 'payment_link_id'
      ? {
          product_data: {
            capture_id: null,
            payment_request_id: null,
            payment_link_id: sale?.id,
            reusable_payment_link_id: null,
          },
        }
      : {}),
  };
}

/** A contact in the form of Systeme.io's API. */
export interface ContactRow {
  readonly id: number;
  readonly email: string;
  readonly registeredAt: string;
  readonly tags: readonly TagRow[];
  readonly [field: string]: unknown;
}

export interface TagRow {
  readonly id: number;
  readonly name: string;
  readonly [field: string]: unknown;
}

/** All tags, in order of their names, numbered from 1. */
export function tagRows(contacts: readonly ContactDraft[]): TagRow[] {
  const names = [...new Set(contacts.flatMap(({ tags }) => tags))].sort();
  return names.map((name, at) => ({ id: at + 1, name }));
}

/** A contact as `GET /contacts` returns it. Names are in `fields`, under the slugs `first_name` and `surname`. */
export function contactRow(draft: ContactDraft, tags: ReadonlyMap<string, TagRow>): ContactRow {
  const { person } = draft;
  const fields = [
    { fieldName: 'First name', slug: 'first_name', value: person.first },
    { fieldName: 'Last name', slug: 'surname', value: draft.id % 11 === 0 ? null : person.last },
    { fieldName: 'Phone', slug: 'phone_number', value: person.phone },
  ];
  return {
    id: draft.id,
    email: draft.email,
    registeredAt: new Date(draft.registeredMs).toISOString().replace('.000Z', '+00:00'),
    locale: 'en',
    sourceURL: draft.sourceUrl,
    unsubscribed: draft.unsubscribed,
    bounced: draft.bounced,
    needsConfirmation: draft.needsConfirmation,
    // Some contacts lack the phone entry, and some have an empty one.
    fields: draft.id % 7 === 0 ? fields.slice(0, 2) : fields,
    tags: draft.tags.flatMap((name) => tags.get(name) ?? []),
  };
}

const invoiceHeader = [
  ...['Invoice ID', 'External ID', 'Status', 'Amount', 'Received Amount', 'Fee', 'Currency', 'Customer Name'],
  ...['Customer Email', 'Customer Mobile Number', 'Email', 'Description', 'Payment Method', 'Bank Name', 'VA Number'],
  ...['Promotion(s)', 'Created Timestamp', 'Paid Timestamp', 'Settled Timestamp', 'Expiry Date', 'Timezone'],
];

/** The legacy export of Xendit's invoices, with the column names of the dashboard. */
export function xenditCsv(sales: readonly SaleDraft[]): string {
  return csv([invoiceHeader, ...sales.map(invoiceCells)]);
}

function invoiceCells(sale: SaleDraft): string[] {
  const amount = String(sale.minor / 100);
  const at = (ms: number | null) =>
    ms === null ? '' : DateTime.fromMillis(ms, { zone: 'utc' }).toFormat('yyyy-MM-dd HH:mm:ss');
  const { person, payer, payerIn, paidMs } = sale;
  const paid = paidMs !== null;
  return [
    ...[sale.id, sale.externalId, sale.status, amount, paid ? amount : '', paid ? '25' : '', 'PHP'],
    ...[payer === null ? '' : `${person.first} ${person.last}`, payerIn === 'nowhere' ? '' : (payer ?? '')],
    ...[person.phone ?? '', payerIn === 'payer_email' ? (payer ?? '') : '', sale.description ?? ''],
    ...[
      paid ? 'EWALLET' : '',
      '',
      '',
      '',
      at(sale.createdMs),
      at(paidMs),
      sale.status === 'SETTLED' ? at((paidMs ?? 0) + DAY_MS) : '',
    ],
    ...[at(sale.createdMs + DAY_MS), '+0000'],
  ];
}

/** The legacy export of Systeme.io: all tags in one cell, and an offset that changes with daylight saving time. */
export function systemeioCsv(contacts: readonly ContactDraft[]): string {
  const rows = contacts.map((draft) => {
    const at = DateTime.fromMillis(draft.registeredMs, { zone: 'Europe/Berlin' });
    const date = `${at.toFormat('yyyy-MM-dd HH:mm:ss')} (UTC+${at.offset / 60})`;
    return [draft.email, draft.person.first, draft.id % 11 === 0 ? '' : draft.person.last, draft.tags.join(', '), date];
  });
  return csv([['Email', 'First name', 'Last name', 'Tag', 'Date Registered'], ...rows]);
}

/** Formulas are not escaped, on purpose: neither upstream escapes them. */
function csv(rows: readonly (readonly string[])[]): string {
  return rows.map((cells) => `${cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')}\r\n`).join('');
}
