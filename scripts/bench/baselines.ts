import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import postgres from 'postgres';
import { connectProducer, waitUntilReady } from '../../queues/redis.ts';
import { jobOptions } from '../../queues/table.ts';
import { startBenchProcesses } from './fleet.ts';
import { benchRecord } from './plan.ts';

/**
 * Sends n empty jobs through three queues with as many worker processes; answers the seconds it took. The first queue is
 * filled while the clock runs, in bulk, as the scheduler fills it for a run.
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

/** Streams n rows of the bench's size into a table with one COPY; answers rows a second. What the disk allows at best. */
export async function timeCopy(databaseUrl: string, n: number): Promise<number> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => undefined });
  try {
    await sql.unsafe('CREATE UNLOGGED TABLE IF NOT EXISTS bench_copy (source_id text, raw jsonb)');
    await sql.unsafe('ALTER TABLE bench_copy SET LOGGED; TRUNCATE bench_copy');
    const started = performance.now();
    const stream = await sql`COPY bench_copy (source_id, raw) FROM STDIN`.writable();
    for (let at = 0; at < n; at += 1_000) {
      const lines = Array.from({ length: Math.min(1_000, n - at) }, (_, index) => lineOf(at + index)).join('');
      if (!stream.write(lines)) await new Promise((resolve) => stream.once('drain', resolve));
    }
    await new Promise<void>((resolve, reject) => {
      stream.once('error', reject);
      stream.end(resolve);
    });
    return n / ((performance.now() - started) / 1_000);
  } finally {
    await sql.end();
  }
}

// The text format of COPY: a backslash is written twice.
function lineOf(n: number): string {
  return `b${n}\t${JSON.stringify(benchRecord(n)).replaceAll('\\', '\\\\')}\n`;
}
