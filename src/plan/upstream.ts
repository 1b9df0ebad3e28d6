import type { Json } from './json.ts';

/** Where requests go and how hard they may push. */
export interface UpstreamOptions {
  /** Name in limits, metrics and logs: `bubble`, `stripe`. */
  readonly name: string;
  readonly baseUrl: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Requests a second for the whole fleet when nothing else is configured. */
  readonly maxRps: number;
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
  /** A write is only sent again when it carries one of these. */
  readonly idempotencyKey?: string | undefined;
  readonly signal: AbortSignal;
}

export interface UpstreamResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The body as JSON. Throws DroverError UPSTREAM_BAD_ANSWER when it is none. */
  json(): Json;
}

/**
 * The one door to an external API: fleet-wide limit, breaker, deadline, retries of what is safe to repeat.
 * Answers 2xx and 404; throws DroverError UPSTREAM_* or BREAKER_OPEN otherwise.
 */
export interface Upstream {
  request(request: UpstreamRequest): Promise<UpstreamResponse>;
}

export type UpstreamFactory = (options: UpstreamOptions) => Upstream;
