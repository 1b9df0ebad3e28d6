import { DateTime } from 'luxon';
import type { ContactDraft } from './contacts.ts';
import type { SaleDraft } from './sales.ts';

const invoiceHeader = [
  ...['Invoice ID', 'External ID', 'Status', 'Amount', 'Received Amount', 'Fee', 'Currency', 'Customer Name'],
  ...['Customer Email', 'Customer Mobile Number', 'Email', 'Description', 'Payment Method', 'Bank Name', 'VA Number'],
  ...['Promotion(s)', 'Created Timestamp', 'Paid Timestamp', 'Settled Timestamp', 'Expiry Date', 'Timezone'],
];

/** The legacy export of Xendit's invoices, by the column names the dashboard gives them. */
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
      sale.status === 'SETTLED' ? at((paidMs ?? 0) + 86_400_000) : '',
    ],
    ...[at(sale.createdMs + 86_400_000), '+0000'],
  ];
}

/** The legacy export of Systeme.io: tags in one cell, and an offset that changes with summer time. */
export function systemeioCsv(contacts: readonly ContactDraft[]): string {
  const rows = contacts.map((draft) => {
    const at = DateTime.fromMillis(draft.registeredMs, { zone: 'Europe/Berlin' });
    const date = `${at.toFormat('yyyy-MM-dd HH:mm:ss')} (UTC+${at.offset / 60})`;
    return [draft.email, draft.person.first, draft.id % 11 === 0 ? '' : draft.person.last, draft.tags.join(', '), date];
  });
  return csv([['Email', 'First name', 'Last name', 'Tag', 'Date Registered'], ...rows]);
}

function csv(rows: readonly (readonly string[])[]): string {
  return rows.map((cells) => `${cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')}\r\n`).join('');
}
