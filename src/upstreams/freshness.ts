/** Tells a token that can be used from one that reached us too late. */
export interface LatencyGuard {
  /** @param tookMs milliseconds from asking for the token to holding it. */
  isAcceptable(tookMs: number): boolean;
}

/**
 * A process that stood still between token and request would send its requests into the time of others. Redis cannot see
 * that, the process can: it gives a token up that took much longer than the quickest way there and back of late. Not
 * measured from nothing, because a worker far from Redis is always slow and still even.
 */
export function createLatencyGuard(jitterMs: number): LatencyGuard {
  let quickest = Number.POSITIVE_INFINITY;
  return {
    isAcceptable(tookMs) {
      quickest = Math.min(tookMs, quickest * 1.05 + 0.1);
      return tookMs - quickest <= jitterMs;
    },
  };
}
