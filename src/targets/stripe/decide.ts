import type { Refused } from '../../plan/api-target.ts';
import type { Price, Product } from '../../upstreams/stripe/client.ts';
import { type Difference, differencesOf } from './differences.ts';
import { defaultPrice, type Found, isMarked, isRight, productOf } from './look.ts';
import type { Known, Wanted } from './wanted.ts';

/** What is to be done with a product that is there. */
export interface Change {
  readonly kind: 'change';
  readonly product: Product;
  readonly differences: readonly Difference[];
  /** The price that stays; undefined: a new one is made. */
  readonly price: Price | undefined;
  /** What the price that stays lacks. */
  readonly revive: boolean;
  readonly takeKey: boolean;
  /** The price of ours that the lookup key is taken from. */
  readonly loser: Price | undefined;
  readonly makeDefault: boolean;
  /** Prices of ours that are sold no more. */
  readonly retired: readonly Price[];
}

export type Decision = Refused | { readonly kind: 'create' } | { readonly kind: 'exists' } | Change;

/** Pure: what is wanted and what there is give what is to be done. */
export function decide(wanted: Wanted, known: Known, found: Found, skipExisting: boolean): Decision {
  const { product, holder } = found;
  if (holder && !isOurs(holder, wanted, product)) return taken(wanted, holder);
  if (product === undefined) return { kind: 'create' };
  if (isAnothers(product, wanted, known)) return strange(product);
  if (skipExisting && known.synced && !found.stale && found.prices.length > 0) return { kind: 'exists' };
  return changeOf(wanted, product, found);
}

/** True when nothing would be sent. */
export function isSettled(change: Change): boolean {
  const { price, differences, revive, takeKey, makeDefault, retired } = change;
  return price !== undefined && differences.length === 0 && !revive && !takeKey && !makeDefault && retired.length === 0;
}

function changeOf(wanted: Wanted, product: Product, { prices, holder }: Found): Change {
  const right = prices.filter((price) => isRight(price, wanted));
  const price = right.find(({ active }) => active) ?? right[0];
  return {
    kind: 'change',
    product,
    differences: differencesOf(product, wanted),
    price,
    revive: price !== undefined && !price.active,
    takeKey: price !== undefined && price.lookup_key !== wanted.lookupKey,
    loser: holder?.id === price?.id ? undefined : holder,
    makeDefault: price === undefined || defaultPrice(product)?.id !== price.id,
    retired: prices.filter((other) => other.id !== price?.id && other.active),
  };
}

function isOurs(holder: Price, wanted: Wanted, product: Product | undefined): boolean {
  const owner = productOf(holder);
  return owner === product?.id || isMarked(holder, wanted) || (product !== undefined && owner === wanted.productId);
}

/** A product with another record's mark is that record's; one without any is ours only where our row names it. */
function isAnothers(product: Product, wanted: Wanted, known: Known): boolean {
  if (isMarked(product, wanted)) return false;
  return product.metadata.cms_id !== undefined || product.id !== known.productId;
}

function taken({ lookupKey }: Wanted, holder: Price): Refused {
  const message = `the lookup key ${lookupKey} belongs to the price ${holder.id} of another product, ${productOf(holder)}`;
  return { kind: 'refused', code: 'LOOKUP_KEY_TAKEN', message, field: 'id' };
}

function strange(product: Product): Refused {
  const owner = product.metadata.cms_id;
  const whose = owner === undefined ? 'says nothing of this record' : `belongs to the record ${owner}`;
  const message = `the Stripe product ${product.id} ${whose}`;
  return { kind: 'refused', code: 'PRODUCT_TAKEN', message, field: 'stripe_product_id' };
}
