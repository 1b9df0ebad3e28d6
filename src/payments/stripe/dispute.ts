import { DroverError } from '../../errors.ts';
import type { JsonObject } from '../../plan/json.ts';
import { addEntry, putProviderObject } from '../payments.sql.ts';
import type { PaymentHandler, PaymentTools } from '../types.ts';
import { applyToPayment } from './apply.ts';
import { amountOf, currencyOf, idOf, instantOf, listOf, textOf } from './fields.ts';

/** Statuses of a dispute, those that come later last. `warning_*` are inquiries, which move nothing. */
const statusOrder = [
  ...['warning_needs_response', 'warning_under_review', 'warning_closed'],
  ...['needs_response', 'under_review', 'prevented', 'lost', 'won'],
];

/**
 * `charge.dispute.*`: money follows the balance transactions of the dispute, of which there are none (an inquiry), one
 * (withdrawn) or two (given back). Its status is only a label.
 */
export const handleDispute: PaymentHandler = async (event, told, tools) => {
  const dispute = await completeDispute(told, tools);
  return applyToPayment(event, idOf(dispute.payment_intent), tools, async (client, schema, payment) => {
    const id = textOf(dispute.id);
    const currency = currencyOf(dispute);
    const amount = amountOf(dispute.amount, currency);
    if (id === null || amount === null || currency === '')
      throw new DroverError('WEBHOOK_EVENT', `the dispute ${id ?? ''} has no id, amount or currency`);
    const status = textOf(dispute.status) ?? 'needs_response';
    const row = {
      id,
      amount,
      currency,
      status,
      reason: textOf(dispute.reason),
      happenedAt: instantOf(dispute.created),
    };
    assertComplete(id, status, listOf(dispute.balance_transactions));
    const now = await putProviderObject(client, schema, 'dispute', payment.id, row, statusOrder);
    const effects: string[] = [];
    for (const transaction of listOf(dispute.balance_transactions)) {
      const object = textOf(transaction.id);
      const moved = typeof transaction.amount === 'number' ? transaction.amount : 0;
      if (object === null || moved === 0) continue;
      // The transaction is in the currency of the account; what the payment lost is the dispute's amount in its own.
      const own = currencyOf(transaction) === currency ? amountOf(Math.abs(moved), currency) : amount;
      const size = own ?? amount;
      const entry = {
        ...{ object, currency, happenedAt: instantOf(transaction.created) ?? event.happenedAt },
        ...(moved < 0
          ? ({ kind: 'dispute', amount: -size } as const)
          : ({ kind: 'dispute_reversal', amount: size } as const)),
      };
      if (await addEntry(client, schema, payment.id, entry, event.id))
        effects.push(`${moved < 0 ? 'withdrawn' : 'given back'}: ${size} ${currency} (minor units)`);
    }
    return [`dispute ${id} is ${now}`, ...effects].join('; ');
  });
};

/** The dispute as the event has it, or as it is now, where its end was reported before its money and it can be fetched. */
async function completeDispute(told: JsonObject, { objects }: PaymentTools): Promise<JsonObject> {
  const id = textOf(told.id);
  const isComplete = hasMoneyOf(textOf(told.status) ?? '', listOf(told.balance_transactions));
  if (isComplete || id === null || objects === undefined) return told;
  return (await objects.find('dispute', id)) ?? told;
}

/** The end of a dispute can be reported before its money: what was lost was withdrawn, and what was won came back. */
function hasMoneyOf(status: string, transactions: readonly JsonObject[]): boolean {
  const sum = transactions.reduce((total, { amount }) => total + (typeof amount === 'number' ? amount : 0), 0);
  return status === 'lost' ? sum < 0 : status === 'won' ? sum >= 0 : true;
}

function assertComplete(id: string, status: string, transactions: readonly JsonObject[]): void {
  if (hasMoneyOf(status, transactions)) return;
  throw new DroverError(
    'DISPUTE_INCOMPLETE',
    `dispute ${id} is ${status}, and its balance transactions do not show it yet`,
  );
}
