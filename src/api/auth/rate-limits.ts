import rateLimit from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import { HttpProblem } from '../problems/problem.ts';
import type { Api } from '../types.ts';

/** Requests a second, for one key and for one address that shows none. Each throws 429 when there are too many. */
export interface RateLimits {
  /** Turns away an address that has used up its share of requests without a right key, before anything is looked up. */
  refuseAddress(request: FastifyRequest): Promise<void>;
  countAddress(request: FastifyRequest): Promise<void>;
  countKey(request: FastifyRequest): Promise<void>;
}

// Reading one run costs next to nothing (see RunReader), and dashboards do it a lot.
const cachedFactor = 20;

export async function createRateLimits(app: Api, perSecond: number): Promise<RateLimits> {
  await app.register(rateLimit, { global: false });
  const counter = (max: number, keyOf: (request: FastifyRequest) => string) =>
    app.createRateLimit({ max, timeWindow: 1_000, keyGenerator: keyOf });
  const byAddress = counter(perSecond, (request) => request.ip);
  const byKey = counter(perSecond, (request) => String(request.actor?.id));
  const byKeyCached = counter(perSecond * cachedFactor, (request) => String(request.actor?.id));
  const refuseOver = async (check: ReturnType<typeof counter>, request: FastifyRequest, increment: boolean) => {
    const verdict = await check(request, { increment });
    if (!verdict.isAllowed && verdict.isExceeded) throw tooMany(verdict.max, verdict.ttlInSeconds);
  };
  return {
    refuseAddress: (request) => refuseOver(byAddress, request, false),
    countAddress: (request) => refuseOver(byAddress, request, true),
    countKey: (request) => {
      const cached = request.routeOptions.config.limit === 'cached';
      return refuseOver(cached ? byKeyCached : byKey, request, true);
    },
  };
}

function tooMany(max: number, seconds: number): HttpProblem {
  return new HttpProblem(
    {
      status: 429,
      code: 'TOO_MANY_REQUESTS',
      detail: `More than ${max} requests in a second.`,
      remedy: 'Wait as long as the retry-after header says. DROVER_RATE_LIMIT sets the limit.',
    },
    { 'retry-after': String(Math.max(1, seconds)) },
  );
}
