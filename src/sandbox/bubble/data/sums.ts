import { isClean } from './draft.ts';
import type { PaymentDraft } from './payment-draft.ts';

/** What payments of one currency and one status add up to. */
export interface Sum {
  readonly currency: string;
  readonly status: string;
  readonly count: number;
  /** Minor units, as text: sums outgrow what a JSON number holds exactly. */
  readonly amount: string;
}

export interface Sums {
  /** Over the payments that must be reconciled: what a target has to show. */
  readonly reconciled: readonly Sum[];
  /** Over every payment whose amount and currency can be read, zero and negative ones and unknown statuses (`unknown`) included. */
  readonly readable: readonly Sum[];
}

export function sumsOf(payments: readonly PaymentDraft[]): Sums {
  return { reconciled: sumPayments(payments.filter(isClean)), readable: sumPayments(payments) };
}

function sumPayments(payments: readonly PaymentDraft[]): Sum[] {
  const sums = new Map<string, { currency: string; status: string; count: number; minor: bigint }>();
  for (const { currency, status, minor } of payments) {
    if (currency === null || minor === null) continue;
    const key = `${currency} ${status ?? 'unknown'}`;
    const sum = sums.get(key) ?? { currency, status: status ?? 'unknown', count: 0, minor: 0n };
    sum.count++;
    sum.minor += BigInt(minor);
    sums.set(key, sum);
  }
  const ordered = [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
  return ordered.map(([, { currency, status, count, minor }]) => ({ currency, status, count, amount: String(minor) }));
}
