import type { Clock } from './clock.ts';
import type { UpstreamDefaults } from './options.ts';

/** Full jitter: drawn evenly from nothing to a bound that doubles with every try, so that failed callers come back apart. */
export function backoffMs(
  attempt: number,
  { backoffMs: first, maxBackoffMs }: Pick<UpstreamDefaults, 'backoffMs' | 'maxBackoffMs'>,
  clock: Pick<Clock, 'random'>,
): number {
  return clock.random() * Math.min(first * 2 ** (attempt - 1), maxBackoffMs);
}
