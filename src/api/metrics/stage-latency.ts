import type { StageLatency } from './source.ts';

/** The part of a Redis client that is needed. */
interface RedisHashes {
  hgetall(key: string): Promise<Record<string, string>>;
}

/**
 * What the workers measured, from one hash a stage, `<prefix>:latency:<stage>`: fields `le:<seconds>` count the jobs
 * that took at most that long and more than the bound below, `sum` is in seconds, `count` counts all. Workers add to
 * it, so it speaks for the whole fleet, also for workers that are gone.
 */
export async function readStageLatency(
  redis: RedisHashes,
  prefix: string,
  stages: readonly string[],
): Promise<StageLatency[]> {
  const series = await Promise.all(
    stages.map(async (stage) => toStageLatency(stage, await redis.hgetall(`${prefix}:latency:${stage}`))),
  );
  return series.filter(({ count }) => count > 0);
}

function toStageLatency(stage: string, fields: Record<string, string>): StageLatency {
  const bounds = Object.entries(fields)
    .filter(([name]) => name.startsWith('le:'))
    .map(([name, count]) => ({ le: Number(name.slice(3)), count: Number(count) }))
    // The last bucket of a histogram is `count`.
    .filter(({ le }) => Number.isFinite(le))
    .sort((a, b) => a.le - b.le);
  let below = 0;
  const buckets = bounds.map(({ le, count }) => {
    below += count;
    return { le, count: below };
  });
  return { stage, buckets, sum: Number(fields.sum ?? 0), count: Number(fields.count ?? 0) };
}
