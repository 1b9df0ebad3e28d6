import type { Entity, RecordMoney } from '../../../plan/contract.ts';
import { anyRecord, stampColumns, transformOf } from '../entity.ts';
import { readAmount } from '../parsers/amount.ts';
import { Problem } from '../parsers/parsed.ts';
import { type Draft, rejectOutcome, rowOutcome } from '../row.ts';
import { sourceOf } from '../sources.ts';
import { completeStamps } from '../stamps.ts';

/** Payments for bookings. */
export const payments = {
  title: 'Payments',
  dependsOn: ['bookings'],
  source: sourceOf,
  schema: anyRecord,
  transform: transformOf('payments', (draft, { sourceId }) => {
    const money = moneyOf(draft);
    completeStamps(draft, sourceId);
    const outcome = draft.fault === undefined ? rowOutcome(draft) : rejectOutcome(draft.fault);
    return money === undefined ? outcome : { ...outcome, money };
  }),
  target: {
    kind: 'postgres',
    table: 'payments',
    columns: {
      booking_id: { type: 'uuid', references: 'bookings' },
      amount: { type: 'numeric(19,4)' },
      currency: { type: 'text' },
      status: { type: 'text' },
      stripe_session_id: { type: 'text', nullable: true },
      stripe_payment_intent_id: { type: 'text', nullable: true },
      created_at: stampColumns.created_at,
    },
  },
  money: { amount: 'amount', currency: 'currency', status: 'status' },
} satisfies Entity;

/** What the record is worth, also when it is rejected: sums must account for what was not loaded. */
function moneyOf({ row, found, context }: Draft): RecordMoney | undefined {
  const { currency, status } = row;
  if (typeof currency !== 'string' || found.amount === undefined) return undefined;
  const read = readAmount(found.amount, currency, context.reading.amountUnit);
  if (read instanceof Problem) return undefined;
  return { minor: String(read.minor), currency, status: typeof status === 'string' ? status : 'unknown' };
}
