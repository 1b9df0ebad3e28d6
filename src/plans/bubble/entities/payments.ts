import type { Entity, RecordMoney } from '../../../plan/contract.ts';
import { createTransform, recordSchema, timestampColumns } from '../entity.ts';
import { readAmount } from '../parsers/amount.ts';
import { Problem } from '../parsers/parsed.ts';
import { type RowDraft, rejectOutcome, rowOutcome } from '../row.ts';
import { openSource } from '../sources.ts';
import { fillTimestamps } from '../stamps.ts';

/** Payments for bookings. */
export const payments = {
  title: 'Payments',
  dependsOn: ['bookings'],
  source: openSource,
  schema: recordSchema,
  transform: createTransform('payments', (draft, { sourceId }) => {
    const money = moneyOf(draft);
    fillTimestamps(draft, sourceId);
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
      created_at: timestampColumns.created_at,
    },
  },
  money: { amount: 'amount', currency: 'currency', status: 'status' },
} satisfies Entity;

/** What the record is worth, also when it is rejected: sums must account for what was not loaded. */
function moneyOf({ row, sourceValues: found, context }: RowDraft): RecordMoney | undefined {
  const { currency, status } = row;
  if (typeof currency !== 'string' || found.amount === undefined) return undefined;
  const read = readAmount(found.amount, currency, context.reading.amountUnit);
  if (read instanceof Problem) return undefined;
  return { minor: String(read.minor), currency, status: typeof status === 'string' ? status : 'unknown' };
}
