import type { FastifyRequest } from 'fastify';
import { HttpProblem } from '../problems.ts';

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
function createRateLimiter(perSecond: number, now: () => number = () => performance.now()): RateLimiter {
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
