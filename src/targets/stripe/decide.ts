import type { ApiRefusal } from '../../plan/api-target.ts';
import type { Json, JsonObject } from '../../plan/json.ts';
import type { Price, Product } from '../../upstreams/stripe/client.ts';
import {
  type DesiredProduct,
  defaultPrice,
  type FoundObjects,
  isMarkedFor,
  matchesDesiredPrice,
  metadataKeys,
  productOf,
  type RecordedIds,
} from './lookup.ts';

/** The changes of an existing product. */
export interface ProductChange {
  readonly kind: 'change';
  readonly product: Product;
  readonly differences: readonly Difference[];
  /** The price that is kept; undefined: a new one is created. */
  readonly price: Price | undefined;
  /** What the kept price lacks. */
  readonly reactivate: boolean;
  readonly moveLookupKey: boolean;
  /** The record's own price that currently has the lookup key. */
  readonly previousKeyHolder: Price | undefined;
  readonly makeDefault: boolean;
  /** The record's own prices that are no longer sold. */
  readonly pricesToArchive: readonly Price[];
}

export type Decision = ApiRefusal | { readonly kind: 'create' } | { readonly kind: 'exists' } | ProductChange;

/** Pure: the decision from the desired and the existing objects. */
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

/** True when no request would be sent. */
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

/** A product with another record's mark belongs to that record; one without a mark is ours only where our row names it. */
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
  const whose = owner === undefined ? 'has no mark of this record' : `belongs to the record ${owner}`;
  const message = `the Stripe product ${product.id} ${whose}`;
  return { kind: 'refused', code: 'PRODUCT_TAKEN', message, field: 'stripe_product_id' };
}

/** A field of a product that differs from the desired value. */
interface Difference {
  readonly field: string;
  readonly from: Json;
  readonly to: Json;
}

/** The differences of a product, field by field. Metadata of other applications is not touched. */
export function differencesOf(product: Product, wanted: DesiredProduct): readonly Difference[] {
  const pairs: readonly (readonly [string, Json, Json])[] = [
    ['name', product.name, wanted.name],
    ['description', product.description ?? null, wanted.description],
    ['images', product.images, wanted.images],
    ['active', product.active, wanted.active],
    ...metadataPairs(product, wanted),
  ];
  return pairs
    .filter(([, from, to]) => JSON.stringify(from) !== JSON.stringify(to))
    .map(([field, from, to]) => {
      return { field, from, to };
    });
}

/** The parameters of the update. An empty text unsets a field. */
export function updateParams(differences: readonly Difference[]): JsonObject {
  const fields: Record<string, Json> = {};
  const metadata: Record<string, Json> = {};
  for (const { field, to } of differences) {
    const key = metadataKey(field);
    if (key === undefined) fields[field] = isEmpty(to) ? '' : to;
    else metadata[key] = to;
  }
  return { ...fields, ...(Object.keys(metadata).length > 0 ? { metadata } : {}) };
}

/** The fields after the update, as Stripe returns them. */
export function fieldsAfter(differences: readonly Difference[]): JsonObject {
  const plain = differences.filter(({ field }) => metadataKey(field) === undefined);
  const metadata = differences.flatMap(({ field, to }) => {
    const key = metadataKey(field);
    return key === undefined ? [] : [[key, to] as const];
  });
  const fields = Object.fromEntries(plain.map(({ field, to }) => [field, to]));
  return { ...fields, ...(metadata.length > 0 ? { metadata: Object.fromEntries(metadata) } : {}) };
}

function metadataPairs(product: Product, wanted: DesiredProduct): [string, Json, Json][] {
  const all = { ...wanted.metadata, [metadataKeys.record]: wanted.recordId };
  return Object.entries(all).map(([key, value]) => [`metadata.${key}`, product.metadata[key] ?? null, value]);
}

function metadataKey(field: string): string | undefined {
  return field.startsWith('metadata.') ? field.slice('metadata.'.length) : undefined;
}

function isEmpty(value: Json): boolean {
  return value === null || (Array.isArray(value) && value.length === 0);
}
