import { connectProducer, waitUntilReady } from '../../queues/redis.ts';
import type { UpstreamFactory } from '../../src/plan/upstream.ts';
import { createUpstreamFactory } from '../../src/upstreams/upstream.ts';
import type { RedisSpace } from '../helpers/redis.ts';

/** The real upstream factory with high limits and short pauses, because a stand-in recovers at once. */
export async function openUpstreams(space: RedisSpace): Promise<{ factory: UpstreamFactory; close(): void }> {
  const redis = connectProducer(space.url, () => undefined);
  await waitUntilReady(redis);
  const make = createUpstreamFactory({
    redis,
    prefix: space.prefix,
    allowPrivate: true,
    logger: { warn: () => undefined },
    defaults: { backoffMs: 10, maxBackoffMs: 50 },
  });
  return { factory: (options) => make({ ...options, maxRps: 1_000 }), close: () => redis.disconnect() };
}
