import { setLimit } from '../src/upstreams/limits.ts';
import type { Services } from './services.ts';

/** Lays into a new Redis what operators had set by hand: paused queues and limits. PostgreSQL remembers both. */
export async function restoreOverrides(services: Services): Promise<void> {
  const paused = new Set((await services.queuePauses.list()).map((pause) => pause.queue));
  for (const [name, queue] of services.producer.queues) {
    if (paused.has(name)) await queue.pause();
  }
  for (const limit of await services.limits.list()) {
    await setLimit(services.redis, services.config.redisPrefix, limit.upstream, limit.maxRps);
  }
}
