/** Counts what happens under a name, and says when it happens too often. */
export interface RateLimiter {
  /** Counts one. 0: it may go on; otherwise the milliseconds until the next one may, and this one is not counted. */
  acquire(name: string): number;
  /** The same without counting. */
  waitMs(name: string): number;
}

// Names come from outside (addresses), so their number must have an end.
const maxNames = 10_000;

/**
 * So many a second, and at once as many as a second allows (the generic cell rate algorithm: one number a name).
 * @fastify/rate-limit was tried: its store hands out the object it counts in, so of a burst that arrives in one tick
 * every request sees the last count, and all are refused instead of those over the limit.
 */
export function createRateLimiter(perSecond: number, now: () => number = () => performance.now()): RateLimiter {
  const everyMs = 1_000 / perSecond;
  const aheadMs = 1_000 - everyMs;
  /** When the allowance of a name is whole again. */
  const wholeAt = new Map<string, number>();
  const wait = (name: string): number => Math.max(0, (wholeAt.get(name) ?? 0) - now() - aheadMs);
  return {
    waitMs: wait,
    acquire(name) {
      const ms = wait(name);
      if (ms > 0) return ms;
      if (wholeAt.size >= maxNames) evictIdle(wholeAt, now());
      wholeAt.set(name, Math.max(wholeAt.get(name) ?? 0, now()) + everyMs);
      return 0;
    },
  };
}

function evictIdle(wholeAt: Map<string, number>, now: number): void {
  for (const [name, at] of wholeAt) if (at <= now) wholeAt.delete(name);
  // More names than that in one second is an attack from many addresses; forgetting them is the cheap way out.
  if (wholeAt.size >= maxNames) wholeAt.clear();
}
