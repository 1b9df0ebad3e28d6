import type { Redis } from 'ioredis';
import { DroverError } from '../errors.ts';
import { withRedisDeadline } from './deadline.ts';
import { upstreamKeys } from './keys.ts';
import { upstreamDefaults } from './options.ts';

/**
 * Sets how many requests a second the whole fleet may send, from now on and in every process; null goes back to what is
 * configured. The name is an upstream's (`stripe`) or an endpoint's (`stripe/customers`). Kept in Redis only: whoever
 * owns the setting lays it again when Redis was emptied.
 * @throws DroverError CONFIGURATION for a figure that is none, REDIS_UNAVAILABLE when Redis does not answer.
 */
export async function setLimit(redis: Redis, prefix: string, name: string, maxRps: number | null): Promise<void> {
  if (maxRps !== null) assertLimit(name, maxRps);
  const { overrides } = upstreamKeys(prefix);
  const call = maxRps === null ? redis.hdel(overrides, name) : redis.hset(overrides, name, String(maxRps));
  await withRedisDeadline(call, upstreamDefaults.redisTimeoutMs);
}

/** The limits set at run time: name to requests a second. */
export async function readLimits(redis: Redis, prefix: string): Promise<Readonly<Record<string, number>>> {
  const set = await withRedisDeadline(redis.hgetall(upstreamKeys(prefix).overrides), upstreamDefaults.redisTimeoutMs);
  return Object.fromEntries(Object.entries(set).map(([name, maxRps]) => [name, Number(maxRps)]));
}

/** Throws CONFIGURATION unless the figure is one a limit can have. */
export function assertLimit(name: string, maxRps: number): void {
  if (maxRps >= 0.001 && maxRps <= 100_000) return;
  throw new DroverError('CONFIGURATION', `${name}: requests a second must be between 0.001 and 100,000, not ${maxRps}`);
}
