import type { Redis } from 'ioredis';

const boundsSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const flushMs = 2_000;

export interface LatencyRecorder {
  record(stage: string, ms: number): void;
  stop(): Promise<void>;
}

/**
 * How long jobs take, for the whole fleet: added up here and every two seconds to one hash a stage in Redis, where the
 * API's /metrics reads them. What a dying process had not written yet is lost; these are hints, not the truth.
 */
export function createLatencyRecorder(redis: Redis, prefix: string): LatencyRecorder {
  const pending = new Map<string, Map<string, number>>();

  const add = (stage: string, field: string, amount: number): void => {
    const fields = pending.get(stage) ?? new Map<string, number>();
    pending.set(stage, fields.set(field, (fields.get(field) ?? 0) + amount));
  };

  async function flush(): Promise<void> {
    const batch = redis.pipeline();
    for (const [stage, fields] of pending) {
      for (const [field, amount] of fields) {
        const key = `${prefix}:latency:${stage}`;
        if (field === 'sum') batch.hincrbyfloat(key, field, amount);
        else batch.hincrby(key, field, amount);
      }
    }
    pending.clear();
    if (batch.length > 0) await batch.exec().catch(() => undefined);
  }

  const timer = setInterval(() => void flush(), flushMs);
  timer.unref();
  return {
    record(stage, ms) {
      const seconds = ms / 1_000;
      const bound = boundsSeconds.find((one) => seconds <= one);
      add(stage, bound === undefined ? 'le:Infinity' : `le:${bound}`, 1);
      add(stage, 'sum', seconds);
      add(stage, 'count', 1);
    },
    async stop() {
      clearInterval(timer);
      await flush();
    },
  };
}
