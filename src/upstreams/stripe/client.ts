import Stripe from 'stripe';
import { DroverError } from '../../errors.ts';
import type { ErrorMapper, Upstream, UpstreamFactory, UpstreamResponse } from '../../plan/upstream.ts';
import { upstreamErrorText } from '../answer.ts';
import { createBatchLoader } from './batch-loader.ts';

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
  /** One of those, read after this call. Those asked for within half a second are listed together. */
  productOfGroup(id: string): Promise<Product | undefined>;
  /**
   * The price that holds a lookup key, an archived one too. Those asked for at one time are listed together, and with those
   * that were announced; what was announced may be some seconds old, unless `fresh`.
   */
  priceByLookupKey(key: string, options?: { readonly fresh?: boolean }): Promise<Price | undefined>;
  /** Lookup keys that will be asked for soon. */
  announceLookupKeys(keys: readonly string[]): void;
  /** Prices of a product that are sold; a hundred at the most. */
  activePricesOf(product: string): Promise<readonly Price[]>;
  /** Prices of a product that are archived, the newest first; a hundred at the most. */
  archivedPricesOf(product: string): Promise<readonly Price[]>;
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

// Shorter than a lease on a record, so that the lease is still valid when Stripe's answer arrives.
const timeoutMs = 20_000;
// The most a list takes.
const maxLookupKeys = 10;
// Ids travel in the address: fifty of eighty-four characters, the longest of ours, stay below six thousand.
const maxGroupedProducts = 50;
const groupPauseMs = 500;
// A record is written by one worker, so only others than Drover can change its price meanwhile.
const announcedMaxAgeMs = 10_000;
const expandPrice = { expand: ['default_price'] };

/**
 * The official client behind the fleet's limits. All methods throw DroverError: UPSTREAM_REJECTED for what Stripe
 * refuses about the object itself, UPSTREAM_CONFLICT while another request holds it.
 */
export function openStripeCatalog(options: StripeCatalogOptions): StripeCatalog {
  const { products, prices } = createStripeClient(options);
  const listProducts = async (ids: readonly string[]): Promise<readonly Product[]> => {
    const page = { ids: [...ids], limit: 100, expand: ['data.default_price'] };
    return ids.length === 0 ? [] : (await withDroverErrors(products.list(page))).data;
  };
  const productGroups = createBatchLoader(
    async (ids) => new Map((await listProducts(ids)).map((product) => [product.id, product])),
    { most: maxGroupedProducts, pauseMs: groupPauseMs },
  );
  const priceLookups = createBatchLoader(
    async (keys) => {
      const { data } = await withDroverErrors(prices.list({ lookup_keys: [...keys], limit: 100 }));
      return new Map(data.map((price) => [price.lookup_key ?? '', price]));
    },
    { most: maxLookupKeys, maxAgeMs: announcedMaxAgeMs },
  );
  return {
    product: async (id) => (isPathId(id) ? undefinedIfMissing(products.retrieve(id, expandPrice)) : undefined),
    products: listProducts,
    productOfGroup: (id) => productGroups.get(id),
    price: async (id) => (isPathId(id) ? undefinedIfMissing(prices.retrieve(id)) : undefined),
    priceByLookupKey: (key, fresh) => priceLookups.get(key, fresh),
    announceLookupKeys: priceLookups.announce,
    activePricesOf: async (product) =>
      (await withDroverErrors(prices.list({ product, active: true, limit: 100 }))).data,
    archivedPricesOf: async (product) =>
      (await withDroverErrors(prices.list({ product, active: false, limit: 100 }))).data,
    createProduct: (params, idempotencyKey) =>
      withDroverErrors(products.create({ ...params, ...expandPrice }, { idempotencyKey })),
    updateProduct: (id, params, idempotencyKey) =>
      withDroverErrors(products.update(id, { ...params, ...expandPrice }, { idempotencyKey })),
    createPrice: (params, idempotencyKey) => withDroverErrors(prices.create(params, { idempotencyKey })),
    updatePrice: (id, params, idempotencyKey) => withDroverErrors(prices.update(id, params, { idempotencyKey })),
  };
}

/** An id of dots would change the path: `GET products/.` lists products. */
const isPathId = (id: string): boolean => !/^\.*$/.test(id);

export function createStripeClient({
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

export async function withDroverErrors<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (thrown) {
    throw unwrapStripeError(thrown);
  }
}

export async function undefinedIfMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await withDroverErrors(call);
  } catch (thrown) {
    if (stripeErrorInfo(thrown)?.status === 404) return undefined;
    throw thrown;
  }
}

type HttpClient = ReturnType<typeof Stripe.createNodeHttpClient>;
type MakeRequest = HttpClient['makeRequest'];
type HttpResponse = Awaited<ReturnType<MakeRequest>>;

/**
 * The official client's transport over the upstream: every request it sends, its own retries included, takes a
 * token of the fleet's limit and counts for the breaker. Host, port, protocol and deadline are the upstream's.
 */
function stripeHttpClient(upstream: Upstream, signal: AbortSignal): HttpClient {
  const makeRequest: MakeRequest = async (_host, _port, path, method, headers, requestData) => {
    const sent = normalizedHeaders(headers);
    const { 'idempotency-key': key, 'content-length': _length, ...others } = sent;
    const response = await upstream.request({
      method: method.toUpperCase() as 'GET' | 'POST' | 'DELETE',
      path,
      endpoint: endpointOf(method, path),
      headers: others,
      // A write is sent once: its result is looked up before it is sent again.
      ...(method.toUpperCase() === 'GET' ? {} : { body: requestData, tries: 1 }),
      ...(key === undefined ? {} : { idempotencyKey: key }),
      explain: mapStripeError,
      signal,
    });
    return toStripeResponse(response);
  };
  return { getClientName: () => 'drover', makeRequest };
}

/** `POST products/:id`: the endpoint by which Stripe counts its limits, without ids. */
export function endpointOf(method: string, path: string): string {
  const [collection, id, action] = path.replace(/\?.*$/s, '').split('/').filter(Boolean).slice(1);
  const one = id === undefined ? '' : id === 'search' ? '/search' : '/:id';
  return `${method.toUpperCase()} ${collection}${one}${action === undefined ? '' : `/${action}`}`;
}

function normalizedHeaders(headers: object): Record<string, string> {
  const given = Object.entries(headers).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(given.map(([name, value]) => [name.toLowerCase(), String(value)]));
}

function toStripeResponse(response: UpstreamResponse): HttpResponse {
  return {
    getStatusCode: () => response.status,
    getHeaders: () => ({ ...response.headers }),
    getRawResponse: () => ({ statusCode: response.status, headers: response.headers }),
    toStream: () => {
      throw new Error('responses of Stripe are not streamed');
    },
    toJSON: async () => response.json(),
  } as HttpResponse;
}

/** The contents of Stripe's error object, kept as the cause of the DroverError. */
export interface StripeErrorInfo {
  readonly status: number;
  readonly type: string;
  readonly code: string | undefined;
  readonly param: string | undefined;
}

/**
 * Maps Stripe's errors to codes. A 429 for a lock on an object does not concern limits, a 409 means that another request
 * holds it, and a 400 of a write concerns the record that is written.
 */
export const mapStripeError: ErrorMapper = (status, text, headers) => {
  const refusal = parseStripeError(status, text);
  if (refusal === undefined) return undefined;
  const code = errorCodeOf(refusal, headers);
  if (code === undefined) return undefined;
  const words = upstreamErrorText(text, []);
  const details = { cause: refusal, ...(refusal.param === undefined ? {} : { field: refusal.param }) };
  return new DroverError(code, `stripe: ${status}${refusal.code ? ` ${refusal.code}` : ''} ${words}`, details);
};

/** Stripe's own code of a refusal (`resource_already_exists`, `resource_missing`), and the parameter it is about. */
export function stripeErrorInfo(error: unknown): StripeErrorInfo | undefined {
  const cause = error instanceof DroverError ? error.cause : undefined;
  return typeof cause === 'object' && cause !== null && 'param' in cause ? (cause as StripeErrorInfo) : undefined;
}

/** The official client's error as a DroverError; the error of its transport is in `detail`. */
function unwrapStripeError(thrown: unknown): unknown {
  if (!(thrown instanceof Stripe.errors.StripeError)) return thrown;
  if (thrown.detail instanceof DroverError || isAbort(thrown.detail)) return thrown.detail;
  const { statusCode: status = 0, code, param, type } = thrown;
  const refusal: StripeErrorInfo = { status, type, code, param };
  const kind = status === 404 ? 'UPSTREAM_REJECTED' : 'UPSTREAM_BAD_ANSWER';
  return new DroverError(kind, `stripe: ${status || 'no status'} ${code ?? type}`, { cause: refusal, field: param });
}

function isAbort(detail: unknown): boolean {
  return detail instanceof Error && detail.name === 'AbortError';
}

function errorCodeOf(
  { status, code, type }: StripeErrorInfo,
  headers: Readonly<Record<string, string>>,
): string | undefined {
  const limited = headers['stripe-rate-limited-reason'] !== undefined;
  if (status === 409 || (status === 429 && code === 'lock_timeout' && !limited)) return 'UPSTREAM_CONFLICT';
  if (status === 429 || status >= 500) return undefined;
  if (status === 400 && (code === 'rate_limit' || limited)) return 'UPSTREAM_RATE_LIMIT';
  if (status === 401 || status === 403 || type === 'authentication_error') return undefined;
  return status >= 400 ? 'UPSTREAM_REJECTED' : undefined;
}

function parseStripeError(status: number, text: string): StripeErrorInfo | undefined {
  try {
    const { error } = JSON.parse(text) as { error?: { type?: unknown; code?: unknown; param?: unknown } };
    if (typeof error !== 'object' || error === null) return undefined;
    const word = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
    return { status, type: word(error.type) ?? '', code: word(error.code), param: word(error.param) };
  } catch {
    return undefined;
  }
}
