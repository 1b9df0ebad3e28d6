import type { DroverError } from '../errors.ts';
import type { Json } from './json.ts';

/** The address and the limits of an upstream. */
export interface UpstreamOptions {
  /** Name in limits, metrics and logs: `bubble`, `stripe`. */
  readonly name: string;
  readonly baseUrl: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Requests a second of the whole fleet when nothing else is configured. */
  readonly maxRps: number;
  /** Requests a second for each endpoint, in addition to the upstream's limit. */
  readonly endpointMaxRps?: number | undefined;
  /** The header of an idempotency key. Default `idempotency-key`. */
  readonly idempotencyHeader?: string | undefined;
  /** Deadline of one request, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number | undefined;
}

export interface UpstreamRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Appended to the base URL. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | undefined;
  /** Name of the endpoint for its own limit and metrics, without ids: `obj/booking`. */
  readonly endpoint: string;
  /** A write is only sent again when it has an idempotency key. */
  readonly idempotencyKey?: string | undefined;
  /**
   * Maximum number of attempts. Default: that of the upstream's settings, and 1 for a write without a key. 1 for a write whose
   * caller looks up its result before it is sent again.
   */
  readonly tries?: number | undefined;
  /**
   * Maps an error response to a DroverError, where the upstream's own codes are more specific than the status: its code decides
   * whether the request is retried. Undefined: the status decides. Called for every status but 2xx and 404.
   */
  readonly explain?: ErrorMapper | undefined;
  /** `interactive`: a person or a webhook waits for it, and bulk requests yield to it. Default `bulk`. */
  readonly priority?: 'interactive' | 'bulk' | undefined;
  readonly signal: AbortSignal;
}

/** The error for a response with this status, body and headers (lower-case names). */
export type ErrorMapper = (
  status: number,
  text: string,
  headers: Readonly<Record<string, string>>,
) => DroverError | undefined;

export interface UpstreamResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The body as JSON. Throws DroverError UPSTREAM_BAD_ANSWER when it is not JSON. */
  json(): Json;
}

/**
 * The only way to an external API: fleet-wide limit, breaker, deadline, retries of requests that are safe to repeat.
 * Returns responses with status 2xx and 404; throws DroverError UPSTREAM_* or BREAKER_OPEN otherwise.
 */
export interface Upstream {
  request(request: UpstreamRequest): Promise<UpstreamResponse>;
}

export type UpstreamFactory = (options: UpstreamOptions) => Upstream;
