import type Stripe from 'stripe';
import type { Upstream, UpstreamResponse } from '../../plan/upstream.ts';
import { mapStripeError } from './refusal.ts';

type HttpClient = ReturnType<typeof Stripe.createNodeHttpClient>;
type MakeRequest = HttpClient['makeRequest'];
type HttpResponse = Awaited<ReturnType<MakeRequest>>;

/**
 * The official client's way out, led through our one door: every request it sends, its own repetitions included, takes a
 * token of the fleet's limit and is seen by the breaker. Host, port, protocol and deadline are the upstream's.
 */
export function stripeHttpClient(upstream: Upstream, signal: AbortSignal): HttpClient {
  const makeRequest: MakeRequest = async (_host, _port, path, method, headers, requestData) => {
    const sent = normalizedHeaders(headers);
    const { 'idempotency-key': key, 'content-length': _length, ...others } = sent;
    const response = await upstream.request({
      method: method.toUpperCase() as 'GET' | 'POST' | 'DELETE',
      path,
      endpoint: endpointOf(method, path),
      headers: others,
      // A write is sent once: who asked for it finds out what became of it before it is sent again.
      ...(method.toUpperCase() === 'GET' ? {} : { body: requestData, tries: 1 }),
      ...(key === undefined ? {} : { idempotencyKey: key }),
      explain: mapStripeError,
      signal,
    });
    return toStripeResponse(response);
  };
  return { getClientName: () => 'drover', makeRequest };
}

/** `POST products/:id`: as Stripe counts its limits, and without ids. */
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
      throw new Error('nothing of Stripe is streamed here');
    },
    toJSON: async () => response.json(),
  } as HttpResponse;
}
