import { setTimeout as sleep } from 'node:timers/promises';
import { requestHeartbeats } from '../queues/roll-call.ts';
import type { Services } from './services.ts';

const flushTimeoutMs = 1_500;
const flushPollMs = 25;

/**
 * Has every worker that is alive say what it used up to now. False when one of them did not in time: it was killed, or
 * Redis did not pass the call on; then what it used since its last heartbeat is not known.
 */
export async function flushWorkerUsage({ workers, redis, config }: Services): Promise<boolean> {
  const asked = await workers.now();
  await requestHeartbeats(redis, config.redisPrefix).catch(() => undefined);
  for (const until = performance.now() + flushTimeoutMs; performance.now() < until; ) {
    if (await workers.allHeardSince(asked)) return true;
    await sleep(flushPollMs);
  }
  return false;
}
