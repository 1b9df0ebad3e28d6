import { backoff } from '../backoff.ts';
import { DroverError } from '../errors.ts';
import type { RawResponse } from './http.ts';
import type { RequestReport } from './limiter.ts';
import type { Clock, UpstreamDefaults } from './options.ts';

const breakerFailureCodes = new Set([
  'UPSTREAM_UNREACHABLE',
  'UPSTREAM_TIMEOUT',
  'UPSTREAM_ERROR',
  'UPSTREAM_BAD_ANSWER',
]);

/** True for errors that may not occur when the same request is sent again. */
export function isRetryable(error: unknown): boolean {
  return error instanceof DroverError && (breakerFailureCodes.has(error.code) || error.code === 'UPSTREAM_RATE_LIMIT');
}

/** The report of an attempt for the fleet: its outcome and for how long no request may be sent. */
export function reportFor(
  raw: RawResponse | undefined,
  error: unknown,
  attempt: number,
  defaults: UpstreamDefaults,
  clock: Clock,
): RequestReport {
  const ofEndpoint = raw?.headers['stripe-rate-limited-reason']?.startsWith('endpoint') ?? false;
  if (error === undefined) return { outcome: 'ok', pauseMs: 0, endpointOnly: ofEndpoint };
  if (!(error instanceof DroverError)) return { outcome: 'unknown', pauseMs: 0, endpointOnly: ofEndpoint };
  const limited = raw?.status === 429 || raw?.status === 503; // older plans of Bubble answer 503 to too many requests
  const pauseRequestedMs = raw && limited ? retryAfterMs(raw.headers, clock.now()) : undefined;
  if (error.code === 'UPSTREAM_RATE_LIMIT') {
    // When the upstream names no pause: at least a second, longer each time, so that a fleet at full speed does stop.
    const defaultPauseMs = 1_000 + requestBackoffMs(attempt, { ...defaults, backoffMs: 1_000 }, clock);
    return {
      outcome: 'throttled',
      pauseMs: Math.max(pauseRequestedMs ?? defaultPauseMs, 100),
      endpointOnly: ofEndpoint,
    };
  }
  const alive = raw ? 'ok' : 'unknown';
  return {
    outcome: breakerFailureCodes.has(error.code) ? 'failed' : alive,
    pauseMs: pauseRequestedMs ?? 0,
    endpointOnly: ofEndpoint,
  };
}

/** The error with the pause in it, so that a caller that releases its slot knows when to try again. */
export function withRetryAfter(error: unknown, { pauseMs }: RequestReport): unknown {
  if (!(error instanceof DroverError) || pauseMs === 0) return error;
  const { code, message, remedy, cause } = error;
  return new DroverError(code, message, { remedy, cause, retryAfterMs: pauseMs });
}

/** The longest pause accepted: a wrong clock of the upstream must not stop a fleet for years. The upstream can repeat it. */
const maxRetryAfterMs = 3_600_000;

const httpDate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /;

/**
 * The pause the upstream asks for, in milliseconds, or undefined when there is none or it cannot be parsed.
 * Reads `Retry-After` (seconds or HTTP date), `Rate-Limit-Reset` and `X-RateLimit-Reset` (seconds, or seconds or
 * milliseconds since 1970). A date is measured against the answer's own `Date`, because clocks differ.
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>, now: number): number | undefined {
  const today = Date.parse(headers.date ?? '');
  const reference = Number.isNaN(today) ? now : today;
  const pauseRequestedMs =
    fromRetryAfter(headers['retry-after'], reference) ??
    fromReset(headers['rate-limit-reset'], reference) ??
    fromReset(headers['ratelimit-reset'], reference) ??
    fromReset(headers['x-ratelimit-reset'], reference);
  return pauseRequestedMs === undefined ? undefined : Math.min(Math.max(pauseRequestedMs, 0), maxRetryAfterMs);
}

function fromRetryAfter(value: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? '';
  const seconds = secondsOf(text);
  if (seconds !== undefined) return seconds * 1_000;
  // Date.parse alone would take "soon 5" for the year 2001.
  const date = httpDate.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : date - now;
}

function fromReset(value: string | undefined, now: number): number | undefined {
  const number = secondsOf(value?.trim() ?? '');
  if (number === undefined) return undefined;
  if (number > 1e11) return number - now;
  if (number > 1e8) return number * 1_000 - now;
  return number * 1_000;
}

function secondsOf(text: string): number | undefined {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined;
}

/** The delay before a request is sent again, in milliseconds, with full jitter. The first attempt is 1. */
export function requestBackoffMs(
  attempt: number,
  { backoffMs: firstMs, maxBackoffMs: maxMs }: Pick<UpstreamDefaults, 'backoffMs' | 'maxBackoffMs'>,
  { random }: Pick<Clock, 'random'>,
): number {
  return backoff(attempt - 1, { firstMs, maxMs, jitter: 1 }, random);
}
