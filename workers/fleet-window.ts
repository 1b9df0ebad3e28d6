import type { WorkerStore } from '../db/repositories/workers.ts';
import type { Stage } from '../src/engine/record-status.ts';

const windowRefreshMs = 1_000;
// Room for a fleet that has not been heard of yet.
const minWindow = 100;

/**
 * How many jobs each queue may hold: a few times what the fleet works on at once, so that workers never run dry and
 * what is in Redis stays small. Known from heartbeats; a dead worker's share goes with it.
 */
export function createQueueWindow(workers: WorkerStore, factor: number): { of(stage: Stage): number; stop(): void } {
  const concurrency = new Map<string, number>();
  const timer = setInterval(() => void refresh(), windowRefreshMs);
  timer.unref();

  async function refresh(): Promise<void> {
    const alive = (await workers.list().catch(() => [])).filter((worker) => worker.alive);
    concurrency.clear();
    for (const worker of alive) {
      for (const queue of worker.queues) concurrency.set(queue, (concurrency.get(queue) ?? 0) + worker.concurrency);
    }
  }

  void refresh();
  return {
    of: (stage) => Math.max(minWindow, factor * (concurrency.get(stage) ?? 0)),
    stop: () => clearInterval(timer),
  };
}
