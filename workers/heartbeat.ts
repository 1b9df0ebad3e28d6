import { hostname } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerStore } from '../db/stores/fleet.ts';
import { requestHeartbeats } from '../queues/redis.ts';
import type { QueueName } from '../queues/table.ts';
import type { TrafficCounter } from './metrics.ts';
import type { Services } from './services.ts';

const heartbeatIntervalMs = 2_000;

export interface Heartbeat {
  /** Writes a heartbeat now. */
  send(): Promise<void>;
  /** Writes the last heartbeat and removes the process from the list of workers. */
  stop(): Promise<void>;
}

/** Writes every two seconds that this process is alive, which queues it serves, and its usage; `stop` removes it. */
export function startHeartbeat(options: {
  readonly workers: WorkerStore;
  readonly name: string;
  readonly queues: readonly QueueName[];
  readonly concurrency: number;
  readonly done: () => number;
  readonly traffic: TrafficCounter;
}): Heartbeat {
  const { workers, name, queues, concurrency } = options;
  const usage = createUsageMeter();
  let last: Promise<void> = Promise.resolve();
  const beat = async (): Promise<void> => {
    const about = { id: name, host: hostname(), pid: process.pid, queues: [...queues], concurrency };
    const used = { ...usage.now(), done: options.done(), traffic: options.traffic.totals() };
    // Errors are ignored: the next heartbeat follows in two seconds, and its totals include this one's.
    await workers.beat({ ...about, ...used }).catch(() => undefined);
  };
  // One after the other: each reports the usage since the one before.
  const next = (): Promise<void> => {
    last = last.then(beat);
    return last;
  };
  void next();
  const timer = setInterval(() => void next(), heartbeatIntervalMs);
  return {
    send: next,
    async stop() {
      clearInterval(timer);
      await next();
      usage.end();
      await workers.remove(name).catch(() => undefined);
    },
  };
}

/** Memory, processor and event loop of this process. */
function createUsageMeter() {
  const lag = monitorEventLoopDelay({ resolution: 20 });
  lag.enable();
  let [cpuBefore, at] = [cpuMs(), performance.now()];
  return {
    now() {
      const loopLagMs = Math.round(lag.percentile(99) / 1e6);
      lag.reset();
      const [cpu, now] = [cpuMs(), performance.now()];
      const cpuPercent = Math.round((100 * (cpu - cpuBefore)) / Math.max(1, now - at));
      [cpuBefore, at] = [cpu, now];
      const rssMb = Math.round(process.memoryUsage.rss() / 1024 / 1024);
      const peakRssMb = Math.max(rssMb, Math.round(process.resourceUsage().maxRSS / 1024));
      return { loopLagMs, cpuPercent, cpuMs: cpu, rssMb, peakRssMb };
    },
    end: () => lag.disable(),
  };
}

/** Processor time of this process since its start, threads included, in milliseconds. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return Math.round((user + system) / 1_000);
}

const flushTimeoutMs = 1_500;
const flushPollMs = 25;

/**
 * Requests a heartbeat with the current usage from every live worker. False when one did not arrive in time: the worker was
 * killed, or Redis did not pass the request on; then its usage since its last heartbeat is unknown.
 */
export async function flushWorkerUsage({ workers, redis, config }: Services): Promise<boolean> {
  const requestedAt = await workers.now();
  await requestHeartbeats(redis, config.redisPrefix).catch(() => undefined);
  for (const until = performance.now() + flushTimeoutMs; performance.now() < until; ) {
    if (await workers.haveAllReportedSince(requestedAt)) return true;
    await sleep(flushPollMs);
  }
  return false;
}
