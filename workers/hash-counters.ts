import type { Redis } from 'ioredis';

const counterFlushMs = 2_000;

export interface RedisCounters {
  /** Adds to a field of a hash; fractions are kept. */
  add(key: string, field: string, amount: number): void;
  stop(): Promise<void>;
}

/**
 * Counters of the whole fleet in hashes of Redis, added up here and written every two seconds. What a dying process had
 * not written is lost, and so are all when Redis is emptied: these are hints for graphs, not the truth.
 */
export function createRedisCounters(redis: Redis): RedisCounters {
  const pending = new Map<string, Map<string, number>>();

  async function flush(): Promise<void> {
    const batch = redis.pipeline();
    for (const [key, fields] of pending) {
      for (const [field, amount] of fields) {
        if (Number.isInteger(amount)) batch.hincrby(key, field, amount);
        else batch.hincrbyfloat(key, field, amount);
      }
    }
    pending.clear();
    if (batch.length > 0) await batch.exec().catch(() => undefined);
  }

  const timer = setInterval(() => void flush(), counterFlushMs);
  timer.unref();
  return {
    add(key, field, amount) {
      const fields = pending.get(key) ?? new Map<string, number>();
      pending.set(key, fields.set(field, (fields.get(field) ?? 0) + amount));
    },
    async stop() {
      clearInterval(timer);
      await flush();
    },
  };
}
