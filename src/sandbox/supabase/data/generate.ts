import { Random } from '../../core/random.ts';
import {
  type ExpectedOutcome,
  type Outcome,
  type ProductDraft,
  productDraft,
  type StripeNaming,
  type StripeSeed,
  stripeAmount,
} from './product-draft.ts';
import { applyTraps, CONTENT_TRAPS, priceTraps, SYNC_TRAPS } from './traps.ts';

export interface CatalogOptions extends StripeNaming {
  readonly seed: number;
  readonly products: number;
  /** How dirty the data is: 1 for the shares in the trap tables, 0 for clean data. */
  readonly dirt: number;
  readonly price: 'numeric' | 'text';
}

interface Catalog {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly manifest: CatalogManifest;
  /** Objects of earlier syncs and unrelated ones that must be in Stripe; insert them with `seedStripe`. */
  readonly stripe: readonly StripeSeed[];
}

/** The first integer beyond the exact range of a JSON number: a client that does not select such ids as text confuses them. */
const FIRST_UNSAFE_ID = 9_007_199_254_740_992n;

/** Generates a catalogue: the same for the same options on every machine. */
export function generateCatalog({ seed, products, dirt, price, productId, lookupKey }: CatalogOptions): Catalog {
  const random = new Random(seed).fork('catalog');
  const large = dirt === 0 ? 0 : Math.min(products, Math.max(2, Math.round(products / 500)));
  const drafts = Array.from({ length: products }, (_, i) => {
    const isLarge = i >= products - large;
    const id = isLarge ? String(FIRST_UNSAFE_ID + BigInt(i)) : String(i + 1);
    const draft = productDraft(id, i + 1, random);
    if (isLarge) draft.marks.push({ trap: 'id-beyond-numbers' });
    return draft;
  });
  shareUpdateTime(drafts, dirt, random.fork('ties'));
  const traps = { ...priceTraps(price), ...CONTENT_TRAPS, ...SYNC_TRAPS };
  applyTraps(drafts, traps, dirt, random.fork('traps'), { productId, lookupKey });
  const stripe = drafts.flatMap((draft) => draft.stripe);
  return { rows: drafts.map(({ fields }) => fields), manifest: manifestOf(drafts, seed), stripe };
}

/** Gives a twentieth of the products, consecutive ones, the same `updated_at`, as a bulk import does: a page by time cannot separate them. */
function shareUpdateTime(drafts: readonly ProductDraft[], dirt: number, random: Random): void {
  const count = dirt === 0 ? 0 : Math.floor(drafts.length / 20);
  const start = random.int(0, Math.max(0, drafts.length - count - 1));
  const at = drafts[start]?.fields.updated_at;
  for (const draft of drafts.slice(start, start + count)) draft.fields.updated_at = at;
}

// The manifest.

/** The products with one trap. All of them have the same expected outcome. */
interface TrapManifest {
  readonly outcome: Outcome;
  readonly code?: string;
  count: number;
  readonly ids: string[];
  /** By id: the value that the mover must read, where it is not obvious; empty text for no value. */
  means?: Record<string, string>;
}

interface PriceSum {
  readonly currency: string;
  count: number;
  /** ISO 4217 minor units, as text. */
  amount: string;
  /** The sum of Stripe's `unit_amount`s: in ISK and UGX a hundred times the amount. */
  stripeAmount: string;
}

/** The contents of the catalogue and the outcome of a correct migration, recorded during generation. */
export interface CatalogManifest {
  readonly seed: number;
  readonly products: number;
  readonly outcomes: Record<Outcome, number>;
  /** The number of products by code, for those not reconciled. */
  readonly codes: Record<string, number>;
  /** By id, for those not reconciled. All others must be reconciled. */
  readonly verdicts: Record<string, ExpectedOutcome>;
  readonly traps: Record<string, TrapManifest>;
  /** Of the prices that must be reconciled. */
  readonly sums: readonly PriceSum[];
  /** The objects that must be in Stripe before the migration starts. */
  readonly stripe: { readonly products: number; readonly prices: number };
}

function manifestOf(drafts: readonly ProductDraft[], seed: number): CatalogManifest {
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

// Objects in Stripe.

/** The objects of one mode of a Stripe sandbox. */
interface StripeObjects {
  insert(kind: string, fields: Readonly<Record<string, unknown>>): string;
}

/** Inserts the objects to which the catalogue's rows refer into a Stripe sandbox. */
export function seedStripe(
  seeds: readonly StripeSeed[],
  modes: Readonly<Record<'test' | 'live', StripeObjects>>,
): void {
  for (const { mode, object, fields } of seeds) modes[mode].insert(object, fields);
}
