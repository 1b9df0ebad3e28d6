import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { connectProducer, waitUntilReady } from '../../queues/redis.ts';
import { jobOptions } from '../../queues/table.ts';
import { startBenchProcesses } from './fleet.ts';

/**
 * Sends n empty jobs through three queues with as many worker processes; answers the seconds it took. The first queue is
 * filled while the clock runs, in bulk, as the conductor fills it for a run.
 */
export async function timeEmptyJobs(
  redisUrl: string,
  n: number,
  processes: number,
  concurrency: number,
): Promise<number> {
  const prefix = `{empty${Date.now()}}`;
  const redis = connectProducer(redisUrl, () => undefined);
  await waitUntilReady(redis);
  const first = new Queue('first', { connection: redis, prefix, defaultJobOptions: { ...jobOptions } });
  const env = { REDIS_URL: redisUrl };
  const fleet = await startBenchProcesses({
    script: './empty-worker.ts',
    processes,
    args: [prefix, String(concurrency)],
    env,
  });
  const started = performance.now();
  for (let at = 0; at < n; at += 500) await first.addBulk(jobs(at, Math.min(n, at + 500)));
  while (fleet.done() < n) await sleep(5);
  const seconds = (performance.now() - started) / 1_000;
  await fleet.stop();
  redis.disconnect();
  return seconds;
}

function jobs(from: number, to: number) {
  return Array.from({ length: to - from }, (_, index) => ({
    name: 'first',
    data: { run: 'bench', records: [[String(from + index), 1]] },
    opts: { jobId: `first-bench-${from + index}-e1` },
  }));
}
