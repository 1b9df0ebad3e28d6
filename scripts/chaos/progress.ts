import { setTimeout as sleep } from 'node:timers/promises';
import type { Probe } from './probe.ts';

/** Where a run is, by the counters, for whoever waits for a moment in it. */
export interface Progress {
  /** Resolves when this share of all source records is settled, or the run is over. */
  waitForShare(share: number): Promise<void>;
  /** Resolves after the time, or when the run is over. */
  wait(ms: number): Promise<void>;
  status(): Promise<string>;
}

const settledCountSql = `SELECT coalesce(sum(n), 0)::int AS n FROM drover.counts WHERE run_id = $1 AND status <> 'pending'`;
const progressPollMs = 50;

export function createProgress(probe: Probe, runId: string, size: number, over: AbortSignal): Progress {
  const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal: over }).catch(() => undefined);
  return {
    wait: pause,
    async waitForShare(share) {
      while (!over.aborted) {
        const [row] = await probe.query<{ n: number }>(settledCountSql, [runId]);
        if ((row?.n ?? 0) >= share * size) return;
        await pause(progressPollMs);
      }
    },
    status: async () => {
      const [row] = await probe.query<{ status: string }>('SELECT status FROM drover.runs WHERE id = $1', [runId]);
      return row?.status ?? 'unknown';
    },
  };
}
