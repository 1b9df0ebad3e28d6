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

/** True of errors that another try of the same request may not meet. */
export function isRetryable(error: unknown): boolean {
  return error instanceof DroverError && (breakerFailureCodes.has(error.code) || error.code === 'UPSTREAM_RATE_LIMIT');
}

/** What is reported to the fleet about an attempt: how it ended and for how long no request may be sent. */
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
  const limited = raw?.status === 429 || raw?.status === 503; // Bubble's older plans say 503 when asked too often
  const asked = raw && limited ? retryAfterMs(raw.headers, clock.now()) : undefined;
  if (error.code === 'UPSTREAM_RATE_LIMIT') {
    // Without a figure of theirs: a second at least, more each time, so that a fleet at full speed does stop.
    const own = 1_000 + backoffMs(attempt, { ...defaults, backoffMs: 1_000 }, clock);
    return { outcome: 'throttled', pauseMs: Math.max(asked ?? own, 100), endpointOnly: ofEndpoint };
  }
  const alive = raw ? 'ok' : 'unknown';
  return {
    outcome: breakerFailureCodes.has(error.code) ? 'failed' : alive,
    pauseMs: asked ?? 0,
    endpointOnly: ofEndpoint,
  };
}

/** The error with the pause in it, so that a caller that gives up its slot knows when to come back. */
export function withRetryAfter(error: unknown, { pauseMs }: RequestReport): unknown {
  if (!(error instanceof DroverError) || pauseMs === 0) return error;
  const { code, message, remedy, cause } = error;
  return new DroverError(code, message, { remedy, cause, retryAfterMs: pauseMs });
}

/** What an upstream can say at most: a clock gone wrong must not stop a fleet for years. It may say it again. */
const maxRetryAfterMs = 3_600_000;

const httpDate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /;

/**
 * For how long the upstream asks to be left alone, in milliseconds, or undefined when it does not say or says garbage.
 * Reads `Retry-After` (seconds or HTTP date), `Rate-Limit-Reset` and `X-RateLimit-Reset` (seconds, or seconds or
 * milliseconds since 1970). A date is measured against the answer's own `Date`, because clocks differ.
 */
export function retryAfterMs(headers: Readonly<Record<string, string>>, now: number): number | undefined {
  const today = Date.parse(headers.date ?? '');
  const reference = Number.isNaN(today) ? now : today;
  const asked =
    fromRetryAfter(headers['retry-after'], reference) ??
    fromReset(headers['rate-limit-reset'], reference) ??
    fromReset(headers['ratelimit-reset'], reference) ??
    fromReset(headers['x-ratelimit-reset'], reference);
  return asked === undefined ? undefined : Math.min(Math.max(asked, 0), maxRetryAfterMs);
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

/** Full jitter: drawn evenly from nothing to a bound that doubles with every try, so that failed callers come back apart. */
export function backoffMs(
  attempt: number,
  { backoffMs: first, maxBackoffMs }: Pick<UpstreamDefaults, 'backoffMs' | 'maxBackoffMs'>,
  clock: Pick<Clock, 'random'>,
): number {
  return clock.random() * Math.min(first * 2 ** (attempt - 1), maxBackoffMs);
}
