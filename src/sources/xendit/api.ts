import { DroverError } from '../../errors.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { Upstream, UpstreamOptions, UpstreamResponse } from '../../plan/upstream.ts';
import { answeredAt } from '../paging.ts';

export type XenditList = 'transactions' | 'invoices';
export type XenditQuery = Readonly<Record<string, string | number | undefined>>;

export interface XenditPage {
  readonly rows: readonly JsonObject[];
  /** The id after which the next page begins, or undefined at the end. */
  readonly next: string | undefined;
  /** When Xendit answered, by its own clock, in milliseconds since 1970. */
  readonly answeredAt: number;
}

/** One of Xendit's lists. */
export interface XenditApi {
  page(query: XenditQuery, after: string | null, signal: AbortSignal): Promise<XenditPage>;
  /** One record, or undefined when the id does not exist. */
  get(id: string, signal: AbortSignal): Promise<JsonObject | undefined>;
}

const paths: Readonly<Record<XenditList, string>> = { transactions: 'transactions', invoices: 'v2/invoices' };

export function createXenditApi(upstream: Upstream, list: XenditList, limit: number): XenditApi {
  const path = paths[list];
  const label = `xendit ${list}`;
  const cursorName = list === 'transactions' ? 'after_id' : 'last_invoice';
  return {
    async page(query, after, signal) {
      const parameters = { ...query, limit, ...(after === null ? {} : { [cursorName]: after }) };
      const response = await upstream.request({ method: 'GET', path, endpoint: list, query: parameters, signal });
      if (response.status === 404) throw listNotFound(label);
      return {
        ...(list === 'transactions' ? transactionsIn(response, label) : invoicesIn(response, label)),
        answeredAt: answeredAt(response),
      };
    },
    async get(id, signal) {
      if (/^\.{0,2}$/.test(id)) return undefined; // such an id would change the path
      const address = `${path}/${encodeURIComponent(id)}`;
      const response = await upstream.request({ method: 'GET', path: address, endpoint: list, signal });
      return response.status === 404 ? undefined : objectOf(response.json(), label);
    },
  };
}

function transactionsIn(response: UpstreamResponse, label: string): Omit<XenditPage, 'answeredAt'> {
  const { data, has_more: hasMore } = objectOf(response.json(), label);
  if (!Array.isArray(data) || typeof hasMore !== 'boolean') throw malformedAnswer(label);
  const rows = data.map((row) => objectOf(row, label));
  const last = rows.at(-1)?.id;
  // An empty page with `has_more` has no id to continue after; a retry usually returns it complete.
  if (hasMore && typeof last !== 'string') throw malformedAnswer(label);
  return { rows, next: hasMore ? String(last) : undefined };
}

/**
 * A bare array. A short page need not be the last, because pages may be truncated; so an empty page is the end, which
 * costs one request.
 */
function invoicesIn(response: UpstreamResponse, label: string): Omit<XenditPage, 'answeredAt'> {
  const body = response.json();
  if (!Array.isArray(body)) throw malformedAnswer(label);
  const rows = body.map((row) => objectOf(row, label));
  const last = rows.at(-1)?.id;
  return { rows, next: typeof last === 'string' ? last : undefined };
}

function objectOf(value: unknown, label: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformedAnswer(label);
  return value as JsonObject;
}

function malformedAnswer(label: string): DroverError {
  return new DroverError('UPSTREAM_BAD_ANSWER', `${label}: the answer is not a list of records`);
}

function listNotFound(label: string): DroverError {
  return new DroverError('UPSTREAM_NOT_FOUND', `${label}: there is nothing at this address`, {
    remedy: 'Check XENDIT_API_URL: it is https://api.xendit.co for test and live keys alike.',
  });
}

/**
 * The upstream of a Xendit account: one host for both modes, chosen by the key's prefix. Test keys may send 60 requests a
 * minute to each endpoint, live keys 600.
 * @throws DroverError CONFIGURATION when the key is not a secret key of Xendit.
 */
export function xenditAccount(url: string, secretKey: string, maxRps?: number): UpstreamOptions {
  const key = secretKey.trim();
  if (!/^xnd_(development|production)_\S+$/.test(key)) {
    throw new DroverError('CONFIGURATION', 'XENDIT_SECRET_KEY is not a secret key of Xendit', {
      remedy: 'Take it from Settings > API keys; it begins with xnd_production_ or xnd_development_.',
    });
  }
  return {
    name: 'xendit',
    baseUrl: url.trim().replace(/\/+$/, ''),
    headers: { authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` },
    maxRps: maxRps ?? (key.startsWith('xnd_development_') ? 1 : 10),
  };
}
