import type { JsonObject } from '../../plan/json.ts';
import type { Price, Product, StripeCatalog } from '../../upstreams/stripe/client.ts';

/** The objects of a record in Stripe. */
export interface FoundObjects {
  readonly product: Product | undefined;
  /** The row names a product that does not exist in this account and mode. */
  readonly stale: boolean;
  /** The holder of the lookup key. */
  readonly lookupKeyHolder: Price | undefined;
  /** Prices of the product among those that were read: its default, the holder of the lookup key, the one the row names, an archived one. */
  readonly prices: readonly Price[];
}

/**
 * Looks up a record's objects: by the id its row names, by the lookup key, by the id we choose. All are reads of the objects
 * themselves or lists, never a search, whose index lags. `byOwnId` false omits the last lookup for a record without an
 * earlier attempt: creating it shows whether it existed. `again` also finds what a worker that died did not complete.
 */
export async function findObjects(
  stripe: StripeCatalog,
  wanted: DesiredProduct,
  known: RecordedIds,
  { byOwnId, again }: { readonly byOwnId: boolean; readonly again: boolean },
): Promise<FoundObjects> {
  const holder = await stripe.priceByLookupKey(wanted.lookupKey, { fresh: again });
  const named = known.productId === null ? undefined : await stripe.product(known.productId);
  const stale = known.productId !== null && !isExisting(named);
  const product = isExisting(named) ? named : await findByChosenId(stripe, wanted, holder, byOwnId || stale);
  if (product === undefined) return { product, stale, lookupKeyHolder: holder, prices: [] };
  const left = again ? await unarchivedPrices(stripe, wanted, known, product) : [];
  const prices = distinct([...(await pricesOfProduct(stripe, wanted, known, product, holder)), ...left]);
  const archived = await archivedPriceOf(stripe, wanted, product, prices);
  return { product, stale, lookupKeyHolder: holder, prices: archived ? [...prices, archived] : prices };
}

/** True for a price or product that was created for this record. */
export function isMarkedFor({ metadata }: Pick<Product, 'metadata'>, wanted: DesiredProduct): boolean {
  return metadata[metadataKeys.record] === wanted.recordId;
}

/** The default price of a product that was read with it. */
export function defaultPrice({ default_price: price }: Product): Price | undefined {
  return typeof price === 'object' && price !== null ? price : undefined;
}

export function productOf({ product }: Price): string {
  return typeof product === 'string' ? product : product.id;
}

/** The desired amount and currency, one-time. */
export function matchesDesiredPrice(price: Price, { currency, unitAmount }: DesiredProduct): boolean {
  return (
    price.currency === currency.toLowerCase() &&
    price.unit_amount === unitAmount &&
    price.type === 'one_time' &&
    price.billing_scheme === 'per_unit'
  );
}

async function findByChosenId(
  stripe: StripeCatalog,
  wanted: DesiredProduct,
  holder: Price | undefined,
  byOwnId: boolean,
): Promise<Product | undefined> {
  const own = byOwnId || (holder !== undefined && productOf(holder) === wanted.productId);
  const product = own ? await stripe.product(wanted.productId) : undefined;
  if (isExisting(product)) return product;
  if (holder === undefined || !isMarkedFor(holder, wanted)) return undefined;
  const ofHolder = await stripe.product(productOf(holder));
  return isExisting(ofHolder) ? ofHolder : undefined;
}

async function pricesOfProduct(
  stripe: StripeCatalog,
  wanted: DesiredProduct,
  known: RecordedIds,
  product: Product,
  holder: Price | undefined,
): Promise<readonly Price[]> {
  const near = [defaultPrice(product), holder].filter((price) => price !== undefined);
  const own = distinct(near.filter((price) => productOf(price) === product.id));
  if (own.some((price) => matchesDesiredPrice(price, wanted))) return own;
  if (known.priceId === null || near.some(({ id }) => id === known.priceId)) return own;
  const named = await stripe.price(known.priceId);
  return named !== undefined && productOf(named) === product.id ? [...own, named] : own;
}

/** Old prices that a worker that died had not archived yet: only their product still references them. */
async function unarchivedPrices(
  stripe: StripeCatalog,
  wanted: DesiredProduct,
  known: RecordedIds,
  product: Product,
): Promise<readonly Price[]> {
  const active = await stripe.activePricesOf(product.id);
  return active.filter((price) => isMarkedFor(price, wanted) || price.id === known.priceId);
}

/**
 * Where a new price would be made: one that was made for this record, is archived and is what is wanted, such as that of a run
 * that was rolled back. It is sold again, because Stripe deletes no price and each migration would leave another twin.
 */
async function archivedPriceOf(
  stripe: StripeCatalog,
  wanted: DesiredProduct,
  product: Product,
  prices: readonly Price[],
): Promise<Price | undefined> {
  if (prices.some((price) => matchesDesiredPrice(price, wanted))) return undefined;
  const archived = await stripe.archivedPricesOf(product.id);
  return archived.find((price) => isMarkedFor(price, wanted) && matchesDesiredPrice(price, wanted));
}

function distinct(prices: readonly Price[]): Price[] {
  return [...new Map(prices.map((price) => [price.id, price])).values()];
}

// Missing in the types: a request for a deleted product by its id may return a stub with `deleted`.
function isExisting(product: Product | undefined): product is Product {
  return product !== undefined && !('deleted' in product && product.deleted);
}

/** The desired state of a record in Stripe: one product with one price. */
export interface DesiredProduct {
  /** The record's id in its source; the mark `cms_id` in the metadata of its objects. */
  readonly recordId: string;
  /** The product's id, which we choose. */
  readonly productId: string;
  readonly lookupKey: string;
  readonly name: string;
  readonly description: string | null;
  readonly images: readonly string[];
  readonly active: boolean;
  /** Without our marks. */
  readonly metadata: Readonly<Record<string, string>>;
  /** ISO 4217, upper case. */
  readonly currency: string;
  /** Stripe's `unit_amount`. */
  readonly unitAmount: number;
}

/** The objects that the source's row names from earlier runs. */
export interface RecordedIds {
  readonly productId: string | null;
  readonly priceId: string | null;
  /** The row is marked as done. */
  readonly synced: boolean;
}

/** Metadata that names the record of an object and the run that made it. */
export const metadataKeys = { record: 'cms_id', run: 'drover_run' } as const;

/** The mutable fields of a product: its before-image. */
export function productFields(product: Product): JsonObject {
  const { name, description, images, active, metadata, default_price: price } = product;
  const defaultPrice = typeof price === 'object' && price !== null ? price.id : price;
  return { name, description, images, active, metadata: { ...metadata }, default_price: defaultPrice ?? null };
}

/** The mutable fields of a price: its before-image. */
export function priceFields({ active, lookup_key: key, metadata }: Price): JsonObject {
  return { active, lookup_key: key, metadata: { ...metadata } };
}
