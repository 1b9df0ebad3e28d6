import type { FastifyRequest } from 'fastify';
import { HttpProblem } from '../problems.ts';

/** Limits of requests per second, by key and, for requests without a valid key, by address. Each throws 429 above the limit. */
export interface RateLimits {
  /** Throws for an address that has used up its requests without a valid key, before any look-up. */
  rejectAddress(request: FastifyRequest): void;
  countAddress(request: FastifyRequest): void;
  countKey(request: FastifyRequest, keyId: string): void;
  /**
   * Throws after too many wrong keys from the address, or for the key id, before the secret is compared. An address from which
   * the key was right before may always use it, so that others cannot lock out its holder.
   */
  rejectSignIn(request: FastifyRequest, keyId: string): void;
  countWrongSignIn(request: FastifyRequest, keyId: string): void;
  countRightSignIn(request: FastifyRequest, keyId: string): void;
}

// Reading one run is served from memory (see RunReader), and dashboards do it often.
const cachedReadFactor = 100;

// Ten wrong keys at once, then one in six seconds, for one key id and for one address.
const wrongSignIns = { perSecond: 1 / 6, burst: 10 };

export function createRateLimits(perSecond: number): RateLimits {
  const addresses = createRateLimiter({ perSecond });
  const keys = createRateLimiter({ perSecond });
  const cachedReads = createRateLimiter({ perSecond: perSecond * cachedReadFactor });
  const wrongByAddress = createRateLimiter(wrongSignIns);
  const wrongByKeyId = createRateLimiter(wrongSignIns);
  const rightSignIns = new Set<string>();
  return {
    rejectAddress: ({ ip }) => throwIfLimited(addresses.waitMs(ip), perSecond),
    countAddress: ({ ip }) => throwIfLimited(addresses.acquire(ip), perSecond),
    countKey(request, keyId) {
      const cached = request.routeOptions.config.limit === 'cached';
      if (cached) throwIfLimited(cachedReads.acquire(keyId), perSecond * cachedReadFactor);
      else throwIfLimited(keys.acquire(keyId), perSecond);
    },
    rejectSignIn({ ip }, keyId) {
      if (rightSignIns.has(`${ip} ${keyId}`)) return;
      const waitMs = Math.max(wrongByAddress.waitMs(ip), wrongByKeyId.waitMs(keyId));
      if (waitMs > 0) throw tooManyWrongKeys(waitMs);
    },
    countWrongSignIn({ ip }, keyId) {
      wrongByAddress.acquire(ip);
      wrongByKeyId.acquire(keyId);
    },
    countRightSignIn({ ip }, keyId) {
      if (rightSignIns.size >= maxNames) rightSignIns.clear();
      rightSignIns.add(`${ip} ${keyId}`);
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

function tooManyWrongKeys(waitMs: number): HttpProblem {
  return new HttpProblem(
    {
      status: 429,
      code: 'TOO_MANY_REQUESTS',
      detail: 'Too many wrong keys were sent from this address or for this key.',
      remedy: 'Check the key, and wait as long as the retry-after header says.',
    },
    { 'retry-after': String(Math.ceil(waitMs / 1_000)) },
  );
}

/** Limits how often something may happen per name. */
export interface RateLimiter {
  /** Counts one and returns 0; above the limit counts none and returns the milliseconds until the next one is allowed. */
  acquire(name: string): number;
  /** The same wait in milliseconds without counting. */
  waitMs(name: string): number;
}

// Names come from clients (addresses), so their number must be bounded.
const maxNames = 10_000;

/**
 * A rate per second, with a burst, by default one second's worth (the generic cell rate algorithm: one number per name).
 * @fastify/rate-limit was tried: its store returns the object it counts in, so every request of a burst that arrives in one
 * tick sees the last count, and all are refused instead of those above the limit.
 */
function createRateLimiter(
  { perSecond, burst = perSecond }: { readonly perSecond: number; readonly burst?: number },
  now: () => number = () => performance.now(),
): RateLimiter {
  const intervalMs = 1_000 / perSecond;
  const burstMs = (burst - 1) * intervalMs;
  /** When the allowance of a name is full again. */
  const fullAt = new Map<string, number>();
  const wait = (name: string): number => Math.max(0, (fullAt.get(name) ?? 0) - now() - burstMs);
  return {
    waitMs: wait,
    acquire(name) {
      const ms = wait(name);
      if (ms > 0) return ms;
      if (fullAt.size >= maxNames) evictIdle(fullAt, now());
      fullAt.set(name, Math.max(fullAt.get(name) ?? 0, now()) + intervalMs);
      return 0;
    },
  };
}

function evictIdle(fullAt: Map<string, number>, now: number): void {
  for (const [name, at] of fullAt) if (at <= now) fullAt.delete(name);
  // More names than that in one second is an attack from many addresses; dropping all counts bounds the memory.
  if (fullAt.size >= maxNames) fullAt.clear();
}
