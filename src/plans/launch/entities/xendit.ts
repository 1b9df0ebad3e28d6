import type { Entity, PostgresTarget } from '../../../plan/contract.ts';
import type { XenditList } from '../../../sources/xendit/api.ts';
import { xenditSource } from '../raw/sources.ts';
import { xenditRow } from '../raw/xendit-row.ts';
import { recordSchema, syncedAtColumn } from './shape.ts';

/** Both lists are kept in one table: `type` tells an invoice from a payment, a refund, and so on. */
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
    transform: (raw, { sourceId }) => ({ kind: 'row', row: xenditRow(raw, sourceId) }),
    target: xenditRawTarget,
  } satisfies Entity;
}

export const xenditTransactions = createRawEntity('Xendit transactions, as Xendit says them', 'transactions');
export const xenditInvoices = createRawEntity('Xendit invoices, as Xendit says them', 'invoices');
