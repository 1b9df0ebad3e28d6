import { hostname } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { WorkerStore } from '../db/repositories/workers.ts';
import type { QueueName } from '../queues/table.ts';

const everyMs = 2_000;

/** Tells the fleet that this process is alive, what it serves, and how it feels; signs it off on stop. */
export function startHeartbeat(options: {
  readonly workers: WorkerStore;
  readonly name: string;
  readonly queues: readonly QueueName[];
  readonly concurrency: number;
  readonly done: () => number;
}): { stop(): Promise<void> } {
  const lag = monitorEventLoopDelay({ resolution: 20 });
  lag.enable();
  const beat = async (): Promise<void> => {
    const loopLagMs = Math.round(lag.percentile(99) / 1e6);
    lag.reset();
    const worker = {
      id: options.name,
      host: hostname(),
      pid: process.pid,
      queues: [...options.queues],
      concurrency: options.concurrency,
      rssMb: Math.round(process.memoryUsage.rss() / 1024 / 1024),
      loopLagMs,
      done: options.done(),
    };
    // A heartbeat that does not arrive is the message; the next one is two seconds away.
    await options.workers.beat(worker).catch(() => undefined);
  };
  void beat();
  const timer = setInterval(() => void beat(), everyMs);
  return {
    async stop() {
      clearInterval(timer);
      lag.disable();
      await options.workers.leave(options.name).catch(() => undefined);
    },
  };
}
