import type { ExpectedOutcome, Outcome, ProductDraft } from './draft.ts';
import { stripeAmount } from './money.ts';

/** Who carries one trap. All of them have the same outcome. */
export interface TrapManifest {
  readonly outcome: Outcome;
  readonly code?: string;
  count: number;
  readonly ids: string[];
  /** By id: what the spoiled value means, where a mover has to work it out. Empty: nothing. */
  means?: Record<string, string>;
}

export interface PriceSum {
  readonly currency: string;
  count: number;
  /** ISO 4217 minor units, as text. */
  amount: string;
  /** The same as Stripe's `unit_amount`s add up: ISK and UGX are a hundredfold. */
  stripeAmount: string;
}

/** What is in the catalogue and what a correct mover makes of it, known by construction. */
export interface CatalogManifest {
  readonly seed: number;
  readonly products: number;
  readonly outcomes: Record<Outcome, number>;
  /** How many by code, for those not reconciled. */
  readonly codes: Record<string, number>;
  /** By id, for those not reconciled. Everybody else must arrive. */
  readonly verdicts: Record<string, ExpectedOutcome>;
  readonly traps: Record<string, TrapManifest>;
  /** Of the prices that arrive. */
  readonly sums: readonly PriceSum[];
  /** What must be in Stripe before the move begins. */
  readonly stripe: { readonly products: number; readonly prices: number };
}

export function manifestOf(drafts: readonly ProductDraft[], seed: number): CatalogManifest {
  const outcomes: Record<Outcome, number> = { reconciled: 0, skipped: 0, rejected: 0 };
  const codes: Record<string, number> = {};
  const verdicts: Record<string, ExpectedOutcome> = {};
  for (const { id, verdict } of drafts) {
    outcomes[verdict.outcome]++;
    if (verdict.code === undefined) continue;
    codes[verdict.code] = (codes[verdict.code] ?? 0) + 1;
    verdicts[id] = verdict;
  }
  const seeds = drafts.flatMap(({ stripe }) => stripe);
  const products = seeds.filter(({ object }) => object === 'product').length;
  const stripe = { products, prices: seeds.length - products };
  return {
    seed,
    products: drafts.length,
    outcomes,
    codes,
    verdicts,
    traps: trapsOf(drafts),
    sums: sumsOf(drafts),
    stripe,
  };
}

function trapsOf(drafts: readonly ProductDraft[]): Record<string, TrapManifest> {
  const traps: Record<string, TrapManifest> = {};
  for (const { id, verdict, marks } of drafts) {
    for (const { trap, means } of marks) {
      traps[trap] ??= { ...verdict, count: 0, ids: [] };
      const entry = traps[trap];
      entry.count++;
      entry.ids.push(id);
      if (means !== undefined) entry.means = { ...entry.means, [id]: means };
    }
  }
  return traps;
}

function sumsOf(drafts: readonly ProductDraft[]): PriceSum[] {
  const sums = new Map<string, PriceSum>();
  for (const { verdict, minor, currency } of drafts) {
    if (verdict.outcome !== 'reconciled' || minor === null || currency === null) continue;
    const sum = sums.get(currency) ?? { currency, count: 0, amount: '0', stripeAmount: '0' };
    sum.count++;
    sum.amount = String(BigInt(sum.amount) + BigInt(minor));
    sum.stripeAmount = String(BigInt(sum.stripeAmount) + BigInt(stripeAmount(minor, currency)));
    sums.set(currency, sum);
  }
  return [...sums.values()].sort((a, b) => (a.currency < b.currency ? -1 : 1));
}
