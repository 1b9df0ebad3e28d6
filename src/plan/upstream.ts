import type { DroverError } from '../errors.ts';
import type { Json } from './json.ts';

/** Where requests go and how hard they may push. */
export interface UpstreamOptions {
  /** Name in limits, metrics and logs: `bubble`, `stripe`. */
  readonly name: string;
  readonly baseUrl: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Requests a second for the whole fleet when nothing else is configured. */
  readonly maxRps: number;
  /** Requests a second for each endpoint by itself, on top of the upstream's limit. */
  readonly endpointMaxRps?: number | undefined;
  /** The header that carries an idempotency key. Default `idempotency-key`. */
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
  /** A write is only sent again when it carries one of these. */
  readonly idempotencyKey?: string | undefined;
  /**
   * How often it is sent at the most. Default: as often as the upstream's settings say, and once for a write without a
   * key. 1 for a write whose caller looks what became of it before it is sent again.
   */
  readonly tries?: number | undefined;
  /**
   * What a refusal means, where the upstream's own codes say more than its status: the code decides whether it is tried
   * again. Undefined: the status decides. Asked of every status but 2xx and 404.
   */
  readonly explain?: ErrorMapper | undefined;
  /** `interactive`: a person or a webhook waits for it, and bulk requests stand back. Default `bulk`. */
  readonly priority?: 'interactive' | 'bulk' | undefined;
  readonly signal: AbortSignal;
}

/** Makes the error of a refusal from its status, body and headers (lower-case names). */
export type ErrorMapper = (
  status: number,
  text: string,
  headers: Readonly<Record<string, string>>,
) => DroverError | undefined;

export interface UpstreamResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** The body as JSON. Throws DroverError UPSTREAM_BAD_ANSWER when it is none. */
  json(): Json;
}

/**
 * The only way to an external API: fleet-wide limit, breaker, deadline, retries of what is safe to repeat.
 * Answers 2xx and 404; throws DroverError UPSTREAM_* or BREAKER_OPEN otherwise.
 */
export interface Upstream {
  request(request: UpstreamRequest): Promise<UpstreamResponse>;
}

export type UpstreamFactory = (options: UpstreamOptions) => Upstream;
