import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { DroverError } from '../../src/errors.ts';
import { createUpstreamFactory } from '../../src/upstreams/upstream.ts';

/** One worker of a fleet that sends requests to an upstream as fast as its limit allows, for a given time. */

export interface FleetTask {
  redisUrl: string;
  prefix: string;
  baseUrl: string;
  maxRps: number;
  seconds: number;
  concurrency: number;
}

const task = JSON.parse(process.argv[2] ?? '') as FleetTask;
const redis = new Redis(task.redisUrl);
const factory = createUpstreamFactory({
  redis,
  prefix: task.prefix,
  allowPrivate: true,
  logger: { warn: (details, message) => console.error(message, details) },
});
const upstream = factory({ name: 'journal', baseUrl: task.baseUrl, maxRps: task.maxRps });
const endsAt = Date.now() + task.seconds * 1_000;

await Promise.all(Array.from({ length: task.concurrency }, ask));
redis.disconnect();

async function ask(): Promise<void> {
  while (Date.now() < endsAt) {
    try {
      await upstream.request({ method: 'GET', path: 'x', endpoint: 'x', signal: AbortSignal.timeout(60_000) });
    } catch (error) {
      if (!(error instanceof DroverError) || error.retryAfterMs === undefined) throw error;
      await sleep(error.retryAfterMs);
    }
  }
}
