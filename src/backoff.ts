export interface BackoffOptions {
  /** Upper bound of the first delay, in milliseconds; it doubles with each attempt. */
  readonly firstMs: number;
  /** Largest upper bound, in milliseconds. */
  readonly maxMs: number;
  /** The share of a delay that is random, 0 to 1: with 1 (full jitter) callers that failed together return most spread out. */
  readonly jitter: number;
}

const recordRetries: BackoffOptions = { firstMs: 1_000, maxMs: 60_000, jitter: 0.5 };

/**
 * The delay before the next attempt, in whole milliseconds, exponential with jitter. `attempts` counts from 0; `random`
 * returns 0 up to but without 1. The default options are those of a record's retries: one second to one minute.
 */
export function backoff(
  attempts: number,
  { firstMs, maxMs, jitter }: BackoffOptions = recordRetries,
  random: () => number = Math.random,
): number {
  const bound = Math.min(maxMs, firstMs * 2 ** attempts);
  return Math.round(bound * (1 - jitter + jitter * random()));
}
