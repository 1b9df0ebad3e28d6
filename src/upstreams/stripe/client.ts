import Stripe from 'stripe';
import type { UpstreamFactory } from '../../plan/upstream.ts';
import { gather } from './gather.ts';
import { stripeHttpClient } from './http-client.ts';
import { stripeRefusal, unwrapped } from './refusal.ts';

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
const mostLookupKeys = 10;
const withPrice = { expand: ['default_price'] };

/**
 * The official client behind the fleet's limits. All methods throw DroverError: UPSTREAM_REJECTED for what Stripe
 * refuses about the object itself, UPSTREAM_CONFLICT while another request holds it.
 */
export function openStripeCatalog(options: StripeCatalogOptions): StripeCatalog {
  const { products, prices } = clientOf(options);
  return {
    product: async (id) => (isName(id) ? orNothing(products.retrieve(id, withPrice)) : undefined),
    products: async (ids) => {
      const page = { ids: [...ids], limit: 100, expand: ['data.default_price'] };
      return ids.length === 0 ? [] : (await ours(products.list(page))).data;
    },
    price: async (id) => (isName(id) ? orNothing(prices.retrieve(id)) : undefined),
    priceByLookupKey: gather(async (keys) => {
      const { data } = await ours(prices.list({ lookup_keys: [...keys], limit: 100 }));
      return new Map(data.map((price) => [price.lookup_key ?? '', price]));
    }, mostLookupKeys),
    activePricesOf: async (product) => (await ours(prices.list({ product, active: true, limit: 100 }))).data,
    createProduct: (params, idempotencyKey) => ours(products.create({ ...params, ...withPrice }, { idempotencyKey })),
    updateProduct: (id, params, idempotencyKey) =>
      ours(products.update(id, { ...params, ...withPrice }, { idempotencyKey })),
    createPrice: (params, idempotencyKey) => ours(prices.create(params, { idempotencyKey })),
    updatePrice: (id, params, idempotencyKey) => ours(prices.update(id, params, { idempotencyKey })),
  };
}

/** Dots alone mean something else in a path: `GET products/.` lists them. */
const isName = (id: string): boolean => !/^\.*$/.test(id);

function clientOf({ upstreams, baseUrl, secretKey, maxRps, endpointMaxRps, signal }: StripeCatalogOptions): Stripe {
  const upstream = upstreams({ name: 'stripe', baseUrl, maxRps, endpointMaxRps, timeoutMs });
  return new Stripe(secretKey, {
    httpClient: stripeHttpClient(upstream, signal),
    maxNetworkRetries: 0,
    telemetry: false,
    appInfo: { name: 'drover' },
  });
}

async function ours<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (thrown) {
    throw unwrapped(thrown);
  }
}

async function orNothing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await ours(call);
  } catch (thrown) {
    if (stripeRefusal(thrown)?.status === 404) return undefined;
    throw thrown;
  }
}
