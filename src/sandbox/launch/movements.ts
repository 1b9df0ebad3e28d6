import type { Random } from '../core/random.ts';
import { PERIOD_END_MS } from './contacts.ts';
import { scaledCount, TRANSACTION_COUNTS } from './numbers.ts';
import type { SaleDraft } from './sales.ts';

export type TransactionKind = 'PAYMENT' | 'REFUND' | 'CHARGEBACK' | 'DISBURSEMENT' | 'WITHDRAWAL' | 'TRANSFER_OUT';

/** One line of Xendit's list of transactions in the making. */
export interface TransactionDraft {
  readonly id: string;
  readonly kind: TransactionKind;
  readonly status: 'SUCCESS' | 'PENDING' | 'FAILED';
  readonly minor: number;
  readonly createdMs: number;
  readonly settled: boolean;
  /** The invoice it belongs to, and whether anything in it says so. */
  readonly sale: SaleDraft | undefined;
  readonly linked: boolean;
  /** Attempts that did not pay: the invoice itself is the sale. */
  readonly attempt: boolean;
}

const DAY_MS = 86_400_000;

/** A payment for each paid invoice, and everything else that happens to an account. */
export function makeTransactions(
  random: Random,
  sales: readonly SaleDraft[],
  share: number,
  dirt: number,
): TransactionDraft[] {
  const drafts = sales.filter(({ paidMs }) => paidMs !== null).map((sale) => paymentTransaction(random, sale));
  const density = share * (dirt > 0 ? 1 : 0);
  const count = (name: keyof typeof TRANSACTION_COUNTS) => scaledCount(TRANSACTION_COUNTS[name], density);
  // Whoever paid twice, or cannot be named, is left out: what is left of a person's payments stays easy to tell.
  const refundable = random.shuffle(
    singlePurchaseSales(sales).filter(({ product, payer }) => product !== 'Other' && payer !== null),
  );
  const take = (n: number) => refundable.splice(0, n);
  const back = (kind: 'REFUND' | 'CHARGEBACK', part: number) => (sale: SaleDraft) =>
    transactionDraft(random, {
      kind,
      sale,
      minor: Math.round(sale.minor * part),
      createdMs: randomTimeAfterPayment(random, sale),
    });
  drafts.push(...take(count('refunds')).map(back('REFUND', 1)));
  drafts.push(...take(count('partialRefunds')).map(back('REFUND', 0.5)));
  drafts.push(...take(count('chargebacks')).map(back('CHARGEBACK', 1)));
  drafts.push(...attempts(random, sales, 'EXPIRED', count('failedAttempts')));
  drafts.push(...attempts(random, sales, 'UNPAID', count('pendingAttempts')));
  const strays = (n: number, kinds: readonly TransactionKind[]) =>
    Array.from({ length: n }, () =>
      transactionDraft(random, {
        kind: random.pick(kinds),
        sale: undefined,
        minor: random.int(10_000, 90_000),
        createdMs: random.int(PERIOD_END_MS - 90 * DAY_MS, PERIOD_END_MS),
      }),
    );
  drafts.push(...strays(count('unlinkedRefunds'), ['REFUND']));
  drafts.push(...strays(count('payouts'), ['DISBURSEMENT', 'WITHDRAWAL', 'TRANSFER_OUT']));
  return drafts.sort((a, b) => a.createdMs - b.createdMs || (a.id < b.id ? -1 : 1));
}

function singlePurchaseSales(sales: readonly SaleDraft[]): SaleDraft[] {
  const paid = sales.filter(({ paidMs }) => paidMs !== null);
  const times = new Map<string, number>();
  for (const { person } of paid) times.set(person.email, (times.get(person.email) ?? 0) + 1);
  return paid.filter(({ person }) => times.get(person.email) === 1);
}

function paymentTransaction(random: Random, sale: SaleDraft): TransactionDraft {
  return {
    ...transactionDraft(random, { kind: 'PAYMENT', sale, minor: sale.minor, createdMs: sale.paidMs ?? 0 }),
    settled: sale.status === 'SETTLED',
  };
}

function attempts(
  random: Random,
  sales: readonly SaleDraft[],
  of: 'EXPIRED' | 'UNPAID',
  n: number,
): TransactionDraft[] {
  const some = random.shuffle(sales.filter(({ status }) => status === of)).slice(0, n);
  return some.map((sale) => ({
    ...transactionDraft(random, { kind: 'PAYMENT', sale, minor: sale.minor, createdMs: sale.createdMs + 300_000 }),
    status: of === 'EXPIRED' ? ('FAILED' as const) : ('PENDING' as const),
    attempt: true,
  }));
}

function transactionDraft(
  random: Random,
  of: Pick<TransactionDraft, 'kind' | 'sale' | 'minor' | 'createdMs'>,
): TransactionDraft {
  const hex = random.text(32, '0123456789abcdef');
  const id = `txn_${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  return { id, ...of, status: 'SUCCESS', settled: false, linked: of.sale !== undefined, attempt: false };
}

function randomTimeAfterPayment(random: Random, sale: SaleDraft): number {
  return (sale.paidMs ?? sale.createdMs) + random.int(1, 20) * DAY_MS;
}
