import type { FastifyRequest } from 'fastify';
import { HttpProblem } from '../problems/problem.ts';
import { createRateLimiter } from './rate-counter.ts';

/** Requests a second, for one key and for one address that shows none. Each throws 429 when there are too many. */
export interface RateLimits {
  /** Turns away an address that has used up its share of requests without a right key, before anything is looked up. */
  rejectAddress(request: FastifyRequest): void;
  countAddress(request: FastifyRequest): void;
  countKey(request: FastifyRequest, keyId: string): void;
}

// Reading one run costs next to nothing (see RunReader), and dashboards do it a lot.
const cachedReadFactor = 100;

export function createRateLimits(perSecond: number): RateLimits {
  const addresses = createRateLimiter(perSecond);
  const keys = createRateLimiter(perSecond);
  const cachedReads = createRateLimiter(perSecond * cachedReadFactor);
  return {
    rejectAddress: ({ ip }) => throwIfLimited(addresses.waitMs(ip), perSecond),
    countAddress: ({ ip }) => throwIfLimited(addresses.acquire(ip), perSecond),
    countKey(request, keyId) {
      const cached = request.routeOptions.config.limit === 'cached';
      if (cached) throwIfLimited(cachedReads.acquire(keyId), perSecond * cachedReadFactor);
      else throwIfLimited(keys.acquire(keyId), perSecond);
    },
  };
}

function throwIfLimited(waitMs: number, perSecond: number): void {
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
