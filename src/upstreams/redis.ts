import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { withDeadline } from '../deadline.ts';
import { DroverError } from '../errors.ts';

/** Keys in Redis. The prefix is in braces, so that a cluster keeps them in one slot, as the scripts need. */
export interface UpstreamKeys {
  /** Hash: bucket and breaker of an upstream, or the bucket of one of its endpoints. */
  bucket(name: string, endpoint?: string): string;
  /** Hash: name to the requests a second an operator has set. */
  readonly overrides: string;
  /** Set: names that have a bucket. */
  readonly index: string;
}

export function upstreamKeys(prefix: string): UpstreamKeys {
  return {
    bucket: (name, endpoint) => `${prefix}:upstream:${limitName(name, endpoint)}`,
    overrides: `${prefix}:upstream-limits`,
    index: `${prefix}:upstream-names`,
  };
}

/** The name of a limit: `stripe`, or `stripe/customers` for one endpoint. */
export function limitName(name: string, endpoint?: string): string {
  return endpoint === undefined ? name : `${name}/${endpoint}`;
}

/** Runs one Lua script; `keys` and `args` as its head says. */
export type RedisScript = (keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>;

/** A script run by its digest; its source is sent only to a Redis that does not know it (new or flushed). */
export function createRedisScript(redis: Redis, source: string, deadlineMs: number): RedisScript {
  const digest = createHash('sha1').update(source).digest('hex');
  const run = async (keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> => {
    try {
      return await redis.evalsha(digest, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return await redis.eval(source, keys.length, ...keys, ...args);
    }
  };
  return (keys, args) => withRedisDeadline(run(keys, args), deadlineMs);
}

/**
 * A call to Redis with a deadline. ioredis keeps a command until it has reconnected, so without a deadline every request of
 * the fleet would hang while Redis is away instead of failing.
 * @throws DroverError REDIS_UNAVAILABLE (transient) when the call fails or is not answered in time.
 */
export async function withRedisDeadline<T>(call: Promise<T>, ms: number): Promise<T> {
  try {
    return await withDeadline(call, ms, () => redisUnavailable(`did not answer within ${ms} ms`));
  } catch (error) {
    throw error instanceof DroverError ? error : redisUnavailable('cannot be reached', error);
  }
}

// The cause is kept by its message only: ioredis errors carry the command with its arguments.
function redisUnavailable(what: string, error?: unknown): DroverError {
  return new DroverError('REDIS_UNAVAILABLE', `limits of upstreams: Redis ${what}, and no request is sent without it`, {
    retryAfterMs: 1_000,
    cause: error instanceof Error ? error.message : undefined,
  });
}
