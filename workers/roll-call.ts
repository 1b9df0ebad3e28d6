import { setTimeout as sleep } from 'node:timers/promises';
import { askForHeartbeats } from '../queues/roll-call.ts';
import type { Services } from './services.ts';

const patienceMs = 1_500;
const lookEveryMs = 25;

/**
 * Has every worker that is alive say what it used up to now. False when one of them did not in time: it was killed, or
 * Redis did not pass the call on; then what it used since its last heartbeat is not known.
 */
export async function callRoll({ workers, redis, config }: Services): Promise<boolean> {
  const asked = await workers.now();
  await askForHeartbeats(redis, config.redisPrefix).catch(() => undefined);
  for (const until = performance.now() + patienceMs; performance.now() < until; ) {
    if (await workers.allHeardSince(asked)) return true;
    await sleep(lookEveryMs);
  }
  return false;
}
