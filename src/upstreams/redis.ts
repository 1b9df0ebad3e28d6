import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { DroverError } from '../errors.ts';

/** The names in Redis. The prefix comes in braces, so that a cluster keeps them in one slot, as the scripts need. */
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

/** How a limit is named everywhere: `stripe`, or `stripe/customers` for one endpoint. */
export function limitName(name: string, endpoint?: string): string {
  return endpoint === undefined ? name : `${name}/${endpoint}`;
}

/** Runs one Lua script; `keys` and `args` as its head says. */
export type RedisScript = (keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>;

/** A script by its digest, sent whole only to a Redis that does not know it (a new or a flushed one). */
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
 * A call to Redis with an end. ioredis keeps a command for as long as it takes to reconnect, so without this every
 * request of the fleet would hang with Redis instead of failing.
 * @throws DroverError REDIS_UNAVAILABLE (transient) when the call fails or is not answered in time.
 */
export async function withRedisDeadline<T>(call: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(redisUnavailable(`did not answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([call, late]);
  } catch (error) {
    throw error instanceof DroverError ? error : redisUnavailable('cannot be asked', error);
  } finally {
    clearTimeout(timer);
  }
}

// The cause is kept by its message only: ioredis errors carry the command with its arguments.
function redisUnavailable(what: string, error?: unknown): DroverError {
  return new DroverError('REDIS_UNAVAILABLE', `limits of upstreams: Redis ${what}, and no request goes out without`, {
    retryAfterMs: 1_000,
    cause: error instanceof Error ? error.message : undefined,
  });
}
