import { Random } from '../../core/random.ts';
import { CONTENT_TRAPS } from './content-traps.ts';
import type { ProductDraft, StripeSeed } from './draft.ts';
import { applyTraps } from './lay-traps.ts';
import { type CatalogManifest, manifestOf } from './manifest.ts';
import { priceTraps } from './price-traps.ts';
import { productDraft, type StripeNaming } from './product-draft.ts';
import { SYNC_TRAPS } from './sync-traps.ts';

export interface CatalogOptions extends StripeNaming {
  readonly seed: number;
  readonly products: number;
  /** How dirty the data is: 1 as the traps' shares say, 0 clean. */
  readonly dirt: number;
  readonly price: 'numeric' | 'text';
}

export interface Catalog {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly manifest: CatalogManifest;
  /** What earlier syncs and other people left in Stripe; lay it with `seedStripe`. */
  readonly stripe: readonly StripeSeed[];
}

/** Ids that a JSON number cannot hold: a reader that does not ask for text mixes them up. */
const FIRST_UNSAFE_ID = 9_007_199_254_740_992n;

/** Makes a catalogue: the same for the same options, on every machine. */
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
  tieSome(drafts, dirt, random.fork('ties'));
  const traps = { ...priceTraps(price), ...CONTENT_TRAPS, ...SYNC_TRAPS };
  applyTraps(drafts, traps, dirt, random.fork('traps'), { productId, lookupKey });
  const stripe = drafts.flatMap((draft) => draft.stripe);
  return { rows: drafts.map(({ fields }) => fields), manifest: manifestOf(drafts, seed), stripe };
}

/** A bulk import: a run of products changed in one instant, which no page by time can tell apart. */
function tieSome(drafts: readonly ProductDraft[], dirt: number, random: Random): void {
  const count = dirt === 0 ? 0 : Math.floor(drafts.length / 20);
  const start = random.int(0, Math.max(0, drafts.length - count - 1));
  const at = drafts[start]?.fields.updated_at;
  for (const draft of drafts.slice(start, start + count)) draft.fields.updated_at = at;
}
