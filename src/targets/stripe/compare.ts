import type { ObservedObject, RowComparison } from '../../plan/api-target.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { Product, StripeCatalog } from '../../upstreams/stripe/client.ts';
import { differencesOf } from './decide.ts';
import { type DesiredProduct, defaultPrice, matchesDesiredPrice, priceFields, productFields } from './lookup.ts';

export interface ExpectedProduct {
  readonly wanted: DesiredProduct;
  /** The ids that the load stored; null when nothing was created. */
  readonly productId: string | null;
  readonly priceId: string | null;
}

/**
 * The fields in which Stripe differs from each row, read from Stripe itself: one list request for up to a hundred rows. A few
 * rows, as of jobs of one record, share a list with those of other calls.
 */
export async function compareProducts(
  stripe: StripeCatalog,
  expected: readonly ExpectedProduct[],
): Promise<RowComparison[]> {
  const found = await (expected.length < fewProducts ? groupedProductsOf : productsOf)(stripe, expected);
  return expected.map((one) => compareProduct(one, found.get(one.productId ?? '')));
}

/** The same with the objects as Stripe returns them. */
export async function observeProducts(
  stripe: StripeCatalog,
  expected: readonly ExpectedProduct[],
): Promise<ObservedObject[]> {
  const found = await productsOf(stripe, expected);
  return expected.map((one) => {
    const product = found.get(one.productId ?? '');
    const differs = compareProduct(one, product);
    return { state: product ? observedState(product) : null, differs: differs === 'missing' ? ['missing'] : differs };
  });
}

const fewProducts = 20;

async function groupedProductsOf(
  stripe: StripeCatalog,
  expected: readonly ExpectedProduct[],
): Promise<ReadonlyMap<string, Product>> {
  const ids = [...new Set(expected.flatMap(({ productId }) => productId ?? []))];
  const products = await Promise.all(ids.map((id) => stripe.productOfGroup(id)));
  return new Map(products.flatMap((product) => (product === undefined ? [] : [[product.id, product]])));
}

async function productsOf(
  stripe: StripeCatalog,
  expected: readonly ExpectedProduct[],
): Promise<ReadonlyMap<string, Product>> {
  const found = new Map<string, Product>();
  const ids = [...new Set(expected.flatMap(({ productId }) => productId ?? []))];
  for (const page of idPages(ids)) {
    for (const product of await stripe.products(page)) found.set(product.id, product);
  }
  return found;
}

function observedState(product: Product): JsonObject {
  const price = defaultPrice(product);
  const { currency, unit_amount } = price ?? {};
  return {
    ...productFields(product),
    price: price
      ? { id: price.id, ...priceFields(price), currency: currency ?? null, unit_amount: unit_amount ?? null }
      : null,
  };
}

function compareProduct({ wanted, priceId }: ExpectedProduct, product: Product | undefined): RowComparison {
  if (product === undefined) return 'missing';
  const fields = differencesOf(product, wanted).map(({ field }) => field);
  const price = defaultPrice(product);
  if (price === undefined || price.id !== priceId) return [...fields, 'price'];
  if (!matchesDesiredPrice(price, wanted)) fields.push('amount');
  if (!price.active) fields.push('price.active');
  if (price.lookup_key !== wanted.lookupKey) fields.push('lookup_key');
  return fields;
}

// The maximum number of ids of a list request; they are part of the URL, which may be refused beyond 8,000 characters. A
// hundred ids of 40 characters, such as UUIDs, fit.
const maxIds = 100;
const maxCharacters = 6_000;
// `ids[99]=...&`, with its brackets encoded.
const charactersAroundId = 14;

/** The ids in chunks that fit into one request each. */
export function idPages(ids: readonly string[]): string[][] {
  const pages: string[][] = [];
  let page: string[] = [];
  let characters = 0;
  for (const id of ids) {
    const length = encodeURIComponent(id).length + charactersAroundId;
    if (page.length === maxIds || (page.length > 0 && characters + length > maxCharacters)) {
      pages.push(page);
      [page, characters] = [[], 0];
    }
    page.push(id);
    characters += length;
  }
  return page.length === 0 ? pages : [...pages, page];
}
