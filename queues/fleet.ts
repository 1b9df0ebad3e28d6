import type { Redis } from 'ioredis';
import type { RedisIdentity } from '../src/engine/conductor/ports.ts';
import type { Checkpoints } from '../src/engine/ports.ts';
import { withDeadline } from './connection.ts';

const commandDeadlineMs = 2_000;
// Long enough for any run that is still watched.
const checkpointTtlSeconds = 7 * 24 * 3_600;

/** The mark by which a Redis that was emptied or replaced is known. */
export function createRedisIdentity(redis: Redis, prefix: string): RedisIdentity {
  const key = `${prefix}:fleet:id`;
  return {
    read: () => withDeadline(redis.get(key), commandDeadlineMs),
    async write(id) {
      await withDeadline(redis.set(key, id), commandDeadlineMs);
    },
  };
}

/** Extraction cursors in Redis, for live progress without a query. A lost one is written again with the next page. */
export function createCheckpoints(redis: Redis, prefix: string): Checkpoints {
  return {
    async save(runId, entity, checkpoint) {
      const key = `${prefix}:checkpoint:${runId}`;
      const saved = redis
        .multi()
        .hset(key, entity, JSON.stringify(checkpoint))
        .expire(key, checkpointTtlSeconds)
        .exec();
      // PostgreSQL has the cursor already; a Redis that is away must not stop the reading.
      await withDeadline(saved, commandDeadlineMs).catch(() => undefined);
    },
  };
}
