import type { ApiRefusal } from '../../plan/api-target.ts';
import type { Price, Product } from '../../upstreams/stripe/client.ts';
import { type Difference, differencesOf } from './differences.ts';
import { defaultPrice, type FoundObjects, isMarkedFor, matchesDesiredPrice, productOf } from './look.ts';
import type { DesiredProduct, RecordedIds } from './wanted.ts';

/** What is to be done with a product that is there. */
export interface ProductChange {
  readonly kind: 'change';
  readonly product: Product;
  readonly differences: readonly Difference[];
  /** The price that stays; undefined: a new one is made. */
  readonly price: Price | undefined;
  /** What the price that stays lacks. */
  readonly reactivate: boolean;
  readonly moveLookupKey: boolean;
  /** The price of ours that the lookup key is taken from. */
  readonly previousKeyHolder: Price | undefined;
  readonly makeDefault: boolean;
  /** Prices of ours that are sold no more. */
  readonly pricesToArchive: readonly Price[];
}

export type Decision = ApiRefusal | { readonly kind: 'create' } | { readonly kind: 'exists' } | ProductChange;

/** Pure: what is wanted and what there is give what is to be done. */
export function decide(
  wanted: DesiredProduct,
  known: RecordedIds,
  found: FoundObjects,
  skipExisting: boolean,
): Decision {
  const { product, lookupKeyHolder: holder } = found;
  if (holder && !isHeldByRecord(holder, wanted, product)) return lookupKeyTaken(wanted, holder);
  if (product === undefined) return { kind: 'create' };
  if (belongsToAnotherRecord(product, wanted, known)) return productTaken(product);
  if (skipExisting && known.synced && !found.stale && found.prices.length > 0) return { kind: 'exists' };
  return planChange(wanted, product, found);
}

/** True when nothing would be sent. */
export function isNoop(change: ProductChange): boolean {
  const {
    price,
    differences,
    reactivate: revive,
    moveLookupKey: takeKey,
    makeDefault,
    pricesToArchive: retired,
  } = change;
  return price !== undefined && differences.length === 0 && !revive && !takeKey && !makeDefault && retired.length === 0;
}

function planChange(
  wanted: DesiredProduct,
  product: Product,
  { prices, lookupKeyHolder: holder }: FoundObjects,
): ProductChange {
  const right = prices.filter((price) => matchesDesiredPrice(price, wanted));
  const price = right.find(({ active }) => active) ?? right[0];
  return {
    kind: 'change',
    product,
    differences: differencesOf(product, wanted),
    price,
    reactivate: price !== undefined && !price.active,
    moveLookupKey: price !== undefined && price.lookup_key !== wanted.lookupKey,
    previousKeyHolder: holder?.id === price?.id ? undefined : holder,
    makeDefault: price === undefined || defaultPrice(product)?.id !== price.id,
    pricesToArchive: prices.filter((other) => other.id !== price?.id && other.active),
  };
}

function isHeldByRecord(holder: Price, wanted: DesiredProduct, product: Product | undefined): boolean {
  const owner = productOf(holder);
  return owner === product?.id || isMarkedFor(holder, wanted) || (product !== undefined && owner === wanted.productId);
}

/** A product with another record's mark is that record's; one without any is ours only where our row names it. */
function belongsToAnotherRecord(product: Product, wanted: DesiredProduct, known: RecordedIds): boolean {
  if (isMarkedFor(product, wanted)) return false;
  return product.metadata.cms_id !== undefined || product.id !== known.productId;
}

function lookupKeyTaken({ lookupKey }: DesiredProduct, holder: Price): ApiRefusal {
  const message = `the lookup key ${lookupKey} belongs to the price ${holder.id} of another product, ${productOf(holder)}`;
  return { kind: 'refused', code: 'LOOKUP_KEY_TAKEN', message, field: 'id' };
}

function productTaken(product: Product): ApiRefusal {
  const owner = product.metadata.cms_id;
  const whose = owner === undefined ? 'says nothing of this record' : `belongs to the record ${owner}`;
  const message = `the Stripe product ${product.id} ${whose}`;
  return { kind: 'refused', code: 'PRODUCT_TAKEN', message, field: 'stripe_product_id' };
}
