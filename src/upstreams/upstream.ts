import { setMaxListeners } from 'node:events';
import type { LookupFunction } from 'node:net';
import type { Redis } from 'ioredis';
import { DroverError, toDroverError } from '../errors.ts';
import type { Upstream, UpstreamFactory, UpstreamOptions, UpstreamResponse } from '../plan/upstream.ts';
import { parseBaseUrl, publicLookup } from './address.ts';
import { classifyAnswer } from './answer.ts';
import {
  buildRequest,
  type ConnectionPool,
  createConnectionPool,
  type OutgoingRequest,
  type RawResponse,
  sendRequest,
} from './http.ts';
import { createLimiter, type Limiter, type RequestReport } from './limiter.ts';
import {
  type Clock,
  systemClock,
  type UpstreamDefaults,
  type UpstreamLogger,
  type UpstreamMetrics,
  upstreamDefaults,
} from './options.ts';
import { isRetryable, reportFor, requestBackoffMs, withRetryAfter } from './outcome.ts';
import { upstreamKeys } from './redis.ts';
import { assertLimit } from './states.ts';

export interface UpstreamFactoryDeps {
  readonly redis: Redis;
  /** Prefix of every key; in braces for a cluster (`{drover}`). The same in every process of the fleet. */
  readonly prefix: string;
  /** Lets upstreams be plain http and on private addresses: sandboxes and tests only. */
  readonly allowPrivate: boolean;
  readonly logger: UpstreamLogger;
  readonly metrics?: UpstreamMetrics | undefined;
  readonly clock?: Clock | undefined;
  readonly defaults?: Partial<UpstreamDefaults> | undefined;
  /** How names are resolved when only public addresses are allowed. For tests. */
  readonly lookup?: LookupFunction | undefined;
}

/**
 * The only way to external APIs.
 * @throws DroverError when the factory is called with an invalid base URL (CONFIGURATION) or a private address
 * (UPSTREAM_FORBIDDEN_ADDRESS).
 */
export function createUpstreamFactory(deps: UpstreamFactoryDeps): UpstreamFactory {
  const { redis, allowPrivate, logger, metrics, clock = systemClock } = deps;
  const defaults = { ...upstreamDefaults, ...deps.defaults };
  const keys = upstreamKeys(deps.prefix);
  // One connection pool for all upstreams, because a source may be created again for every page.
  const sockets = createConnectionPool(allowPrivate ? undefined : (deps.lookup ?? publicLookup()));
  return (settings) => {
    assertLimit(settings.name, settings.maxRps);
    const base = parseBaseUrl(settings.name, settings.baseUrl, allowPrivate);
    const limiter = createLimiter({ redis, keys, clock, logger, defaults }, settings);
    return createUpstream({ limiter, sockets, clock, logger, metrics, defaults }, settings, base);
  };
}

export interface UpstreamDeps extends AttemptDeps {
  readonly limiter: Limiter;
  readonly logger: UpstreamLogger;
}

/** An upstream behind its limiter: one token for every HTTP request, retries included. */
function createUpstream(deps: UpstreamDeps, settings: UpstreamOptions, base: URL): Upstream {
  const { limiter, clock, logger, defaults } = deps;
  return {
    async request(request) {
      const { endpoint, signal } = request;
      setMaxListeners(0, signal); // one signal stops hundreds of requests; Node reports eleven listeners as a leak
      const outgoing = buildRequest(request, settings, base, defaults);
      const tries = outgoing.repeatable ? (request.tries ?? defaults.tries) : 1;
      let error: unknown;
      for (let attempt = 1; ; attempt += 1) {
        const permit = await limiter.acquire(request, error);
        const tried = await sendOnce(deps, settings.name, endpoint, outgoing, attempt);
        await limiter.report(permit, tried.report);
        if (tried.response) return tried.response;
        error = tried.error;
        signal.throwIfAborted();
        if (attempt >= tries || !isRetryable(error)) throw error;
        // A pause that the upstream asked for is enforced by the limiter for all processes, this attempt included.
        const waitMs = tried.report.pauseMs > 0 ? 0 : requestBackoffMs(attempt, defaults, clock);
        const { code } = toDroverError(error);
        logger.warn({ upstream: settings.name, endpoint, code, attempt, waitMs }, 'upstream request is sent again');
        await clock.sleep(waitMs, signal);
      }
    },
  };
}

interface AttemptDeps {
  readonly sockets: ConnectionPool;
  readonly clock: Clock;
  readonly metrics: UpstreamMetrics | undefined;
  readonly defaults: UpstreamDefaults;
}

/** One attempt of a request: its answer or its error, and what is reported to the fleet about it. */
export interface Attempt {
  readonly response?: UpstreamResponse;
  readonly error?: unknown;
  readonly report: RequestReport;
}

/** Sends a request once, counts it, classifies its answer. Never throws. */
async function sendOnce(
  { sockets, clock, metrics, defaults }: AttemptDeps,
  upstream: string,
  endpoint: string,
  outgoing: OutgoingRequest,
  attempt: number,
): Promise<Attempt> {
  const startedAt = clock.now();
  let raw: RawResponse | undefined;
  let response: UpstreamResponse | undefined;
  let error: unknown;
  let bytes = { sentBytes: 0, receivedBytes: 0 };
  try {
    raw = await sendRequest(outgoing, sockets, (counted) => {
      bytes = counted;
    });
    response = classifyAnswer(raw, outgoing);
  } catch (thrown) {
    error = thrown;
  }
  const status = raw?.status ?? (error instanceof DroverError ? error.code : 'aborted');
  metrics?.onRequest({ upstream, endpoint, status, ms: clock.now() - startedAt, ...bytes });
  const report = reportFor(raw, error, attempt, defaults, clock);
  return response ? { response, report } : { error: withRetryAfter(error, report), report };
}

/** The same upstreams with interactive priority, for work a person or a webhook waits for: bulk requests yield to it. */
export function withInteractivePriority(upstreams: UpstreamFactory): UpstreamFactory {
  return (options) => {
    const upstream = upstreams(options);
    return { request: (request) => upstream.request({ ...request, priority: 'interactive' }) };
  };
}
