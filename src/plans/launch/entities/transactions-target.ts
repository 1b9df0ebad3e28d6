import type { PostgresTarget } from '../../../plan/contract.ts';
import { createdAtColumn, updatedAtColumn } from './shape.ts';

/** Sales, refunds, chargebacks and manual payments. `revenue_amount` is what each adds to revenue, or takes away. */
export const transactionsTarget = {
  kind: 'postgres',
  table: 'transactions',
  naturalKey: ['xendit_transaction_id'],
  columns: {
    user_id: { type: 'uuid', nullable: true, references: 'users' },
    xendit_transaction_id: { type: 'text', nullable: true, unique: true },
    xendit_invoice_id: { type: 'text', nullable: true, indexed: true },
    product_type: { type: 'text', nullable: true },
    transaction_type: { type: 'text', default: `'unknown'` },
    amount: { type: 'numeric(19,4)' },
    currency: { type: 'text', default: `'PHP'` },
    status: { type: 'text' },
    revenue_amount: { type: 'numeric(19,4)', default: '0' },
    payment_method: { type: 'text', nullable: true },
    external_id: { type: 'text', nullable: true, indexed: true },
    contact_email: { type: 'text', nullable: true, indexed: true },
    description: { type: 'text', nullable: true },
    paid_at: { type: 'timestamptz', nullable: true },
    fiscal_year: { type: 'integer', nullable: true },
    fiscal_quarter: { type: 'integer', nullable: true },
    created_at: createdAtColumn,
    updated_at: updatedAtColumn,
  },
} as const satisfies PostgresTarget;

export const transactionMoney = { amount: 'amount', currency: 'currency', status: 'status' } as const;
