import Stripe from 'stripe';
import type { UpstreamFactory } from '../../plan/upstream.ts';
import { createBatchLoader } from './gather.ts';
import { stripeHttpClient } from './http-client.ts';
import { stripeErrorInfo, unwrapStripeError } from './refusal.ts';

export type Product = Stripe.Product;
export type Price = Stripe.Price;
export type ProductCreate = Stripe.ProductCreateParams;
export type ProductUpdate = Stripe.ProductUpdateParams;
export type PriceCreate = Stripe.PriceCreateParams;
export type PriceUpdate = Stripe.PriceUpdateParams;

/** Products and prices of one Stripe account, in the mode of its key. Writes carry an idempotency key and are sent once. */
export interface StripeCatalog {
  /** Undefined when this account and mode have no such product; its default price comes with it. */
  product(id: string): Promise<Product | undefined>;
  /** Those of at most 100 ids that there are, with their default prices. */
  products(ids: readonly string[]): Promise<readonly Product[]>;
  price(id: string): Promise<Price | undefined>;
  /** The price that holds a lookup key, an archived one too. Those asked for at one time are listed together. */
  priceByLookupKey(key: string): Promise<Price | undefined>;
  /** Prices of a product that are sold; a hundred at the most. */
  activePricesOf(product: string): Promise<readonly Price[]>;
  createProduct(params: ProductCreate, key: string): Promise<Product>;
  updateProduct(id: string, params: ProductUpdate, key: string): Promise<Product>;
  createPrice(params: PriceCreate, key: string): Promise<Price>;
  updatePrice(id: string, params: PriceUpdate, key: string): Promise<Price>;
}

export interface StripeCatalogOptions {
  readonly upstreams: UpstreamFactory;
  /** `https://api.stripe.com`, or a stand-in. */
  readonly baseUrl: string;
  readonly secretKey: string;
  /** Requests a second of the whole fleet, and for each endpoint. */
  readonly maxRps: number;
  readonly endpointMaxRps: number;
  readonly signal: AbortSignal;
}

// Shorter than a lease on a record, so that who waits for Stripe still holds it when the answer comes.
const timeoutMs = 20_000;
// The most a list takes.
const maxLookupKeys = 10;
const expandPrice = { expand: ['default_price'] };

/**
 * The official client behind the fleet's limits. All methods throw DroverError: UPSTREAM_REJECTED for what Stripe
 * refuses about the object itself, UPSTREAM_CONFLICT while another request holds it.
 */
export function openStripeCatalog(options: StripeCatalogOptions): StripeCatalog {
  const { products, prices } = createStripeClient(options);
  return {
    product: async (id) => (isPathId(id) ? undefinedIfMissing(products.retrieve(id, expandPrice)) : undefined),
    products: async (ids) => {
      const page = { ids: [...ids], limit: 100, expand: ['data.default_price'] };
      return ids.length === 0 ? [] : (await withDroverErrors(products.list(page))).data;
    },
    price: async (id) => (isPathId(id) ? undefinedIfMissing(prices.retrieve(id)) : undefined),
    priceByLookupKey: createBatchLoader(async (keys) => {
      const { data } = await withDroverErrors(prices.list({ lookup_keys: [...keys], limit: 100 }));
      return new Map(data.map((price) => [price.lookup_key ?? '', price]));
    }, maxLookupKeys),
    activePricesOf: async (product) =>
      (await withDroverErrors(prices.list({ product, active: true, limit: 100 }))).data,
    createProduct: (params, idempotencyKey) =>
      withDroverErrors(products.create({ ...params, ...expandPrice }, { idempotencyKey })),
    updateProduct: (id, params, idempotencyKey) =>
      withDroverErrors(products.update(id, { ...params, ...expandPrice }, { idempotencyKey })),
    createPrice: (params, idempotencyKey) => withDroverErrors(prices.create(params, { idempotencyKey })),
    updatePrice: (id, params, idempotencyKey) => withDroverErrors(prices.update(id, params, { idempotencyKey })),
  };
}

/** Dots alone mean something else in a path: `GET products/.` lists them. */
const isPathId = (id: string): boolean => !/^\.*$/.test(id);

function createStripeClient({
  upstreams,
  baseUrl,
  secretKey,
  maxRps,
  endpointMaxRps,
  signal,
}: StripeCatalogOptions): Stripe {
  const upstream = upstreams({ name: 'stripe', baseUrl, maxRps, endpointMaxRps, timeoutMs });
  return new Stripe(secretKey, {
    httpClient: stripeHttpClient(upstream, signal),
    maxNetworkRetries: 0,
    telemetry: false,
    appInfo: { name: 'drover' },
  });
}

async function withDroverErrors<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (thrown) {
    throw unwrapStripeError(thrown);
  }
}

async function undefinedIfMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await withDroverErrors(call);
  } catch (thrown) {
    if (stripeErrorInfo(thrown)?.status === 404) return undefined;
    throw thrown;
  }
}
