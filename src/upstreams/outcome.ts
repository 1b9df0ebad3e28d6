import { DroverError } from '../errors.ts';
import { backoffMs } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { UpstreamDefaults } from './options.ts';
import type { RequestReport } from './permit.ts';
import { retryAfterMs } from './retry-after.ts';
import type { RawResponse } from './wire.ts';

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

/** What the fleet is told about a try: how it ended and for how long nobody shall ask. */
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
