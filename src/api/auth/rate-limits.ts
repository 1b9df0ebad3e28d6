import type { FastifyRequest } from 'fastify';
import { HttpProblem } from '../problems/problem.ts';
import { createRateCounter } from './rate-counter.ts';

/** Requests a second, for one key and for one address that shows none. Each throws 429 when there are too many. */
export interface RateLimits {
  /** Turns away an address that has used up its share of requests without a right key, before anything is looked up. */
  refuseAddress(request: FastifyRequest): void;
  countAddress(request: FastifyRequest): void;
  countKey(request: FastifyRequest, keyId: string): void;
}

// Reading one run costs next to nothing (see RunReader), and dashboards do it a lot.
const cachedFactor = 100;

export function createRateLimits(perSecond: number): RateLimits {
  const addresses = createRateCounter(perSecond);
  const keys = createRateCounter(perSecond);
  const cachedReads = createRateCounter(perSecond * cachedFactor);
  return {
    refuseAddress: ({ ip }) => refuseAfter(addresses.wait(ip), perSecond),
    countAddress: ({ ip }) => refuseAfter(addresses.take(ip), perSecond),
    countKey(request, keyId) {
      const cached = request.routeOptions.config.limit === 'cached';
      if (cached) refuseAfter(cachedReads.take(keyId), perSecond * cachedFactor);
      else refuseAfter(keys.take(keyId), perSecond);
    },
  };
}

function refuseAfter(waitMs: number, perSecond: number): void {
  if (waitMs === 0) return;
  throw new HttpProblem(
    {
      status: 429,
      code: 'TOO_MANY_REQUESTS',
      detail: `More than ${perSecond} requests a second.`,
      remedy: 'Wait as long as the retry-after header says. DROVER_RATE_LIMIT sets the limit.',
    },
    { 'retry-after': String(Math.ceil(waitMs / 1_000)) },
  );
}
