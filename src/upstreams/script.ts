import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { withRedisDeadline } from './deadline.ts';

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
