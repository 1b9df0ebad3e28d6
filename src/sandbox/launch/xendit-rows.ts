import type { TransactionDraft } from './movements.ts';
import type { SaleDraft } from './sales.ts';

/** A record as Xendit's API shows it. */
export interface XenditRow {
  readonly id: string;
  readonly created: string;
  readonly updated: string;
  readonly [field: string]: unknown;
}

const BUSINESS = '5fc9f5b246f820517e38c84d';
const DAY = 86_400_000;
const iso = (ms: number): string => new Date(ms).toISOString();
const statusOf = { PAID: 'PAID', SETTLED: 'SETTLED', EXPIRED: 'EXPIRED', UNPAID: 'PENDING' } as const;

/** An invoice as `GET /v2/invoices` gives it. Amounts are in major units; an unpaid one is PENDING here and UNPAID in the CSV. */
export function invoiceRow(sale: SaleDraft): XenditRow {
  const { person, payer, payerIn, paidMs } = sale;
  const amount = sale.minor / 100;
  const updated = paidMs ?? (sale.status === 'EXPIRED' ? sale.createdMs + DAY : sale.createdMs);
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
    expiry_date: iso(sale.createdMs + DAY),
    ...(paidMs === null
      ? {}
      : { paid_at: iso(paidMs), paid_amount: amount, payment_method: 'EWALLET', payment_channel: sale.channel }),
    ...(payerIn === 'nowhere'
      ? {}
      : { customer: { given_names: person.first, surname: person.last, email: payer, mobile_number: person.phone } }),
  };
}

/** A movement as `GET /transactions` gives it. Which of three fields names the invoice depends on the product used. */
export function transactionRow(draft: TransactionDraft): XenditRow {
  const { sale, linked, kind, id } = draft;
  const amount = draft.minor / 100;
  const link = linked ? sale?.linkField : undefined;
  const isIn = kind === 'PAYMENT';
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
    cashflow: isIn ? 'MONEY_IN' : 'MONEY_OUT',
    settlement_status: draft.status === 'SUCCESS' && isIn ? (draft.settled ? 'SETTLED' : 'PENDING') : null,
    estimated_settlement_time: null,
    business_id: BUSINESS,
    created: iso(draft.createdMs),
    updated: iso(draft.createdMs + (draft.settled ? 2 * DAY : 60_000)),
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
