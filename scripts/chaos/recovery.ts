import { setTimeout as sleep } from 'node:timers/promises';
import type { Probe } from './probe.ts';

/**
 * Measures what a fault costs: the time from its end until everything that was in flight when it began has moved on.
 * Records that wait for a place in the hash pool are left out; they wait without any fault.
 */
export interface Recovery {
  /** Does the damage, and mends it, under the clock. Answers what the damage does; false means that none was done. */
  measureDuring<T>(damage: () => Promise<T>): Promise<T>;
  /** Faults that struck so far. */
  readonly faults: number;
  /** The longest, in milliseconds, once all are through. */
  longest(): Promise<number>;
}

const createTableSql = 'CREATE TABLE IF NOT EXISTS public.chaos_held (fault int, id bigint, stage text)';
const recordInFlightSql = `INSERT INTO public.chaos_held SELECT $1, id, stage FROM drover.records
  WHERE run_id = $2 AND status = 'pending' AND dispatched_at IS NOT NULL`;
const remainingSql = `SELECT count(*)::int AS n FROM public.chaos_held h JOIN drover.records r USING (id)
  WHERE h.fault = $1 AND r.status = 'pending' AND r.stage = h.stage AND coalesce(r.code, '') <> 'WAITING_FOR_POOL'`;
const recoveryPollMs = 100;

export function createRecovery(probe: Probe, runId: string, over: AbortSignal): Recovery {
  const measured: Promise<number>[] = [];
  let faults = 0;
  const ready = probe.query(createTableSql);

  async function measure(fault: number): Promise<number> {
    const from = Date.now();
    while (!over.aborted) {
      const [row] = await probe.query<{ n: number }>(remainingSql, [fault]);
      if ((row?.n ?? 0) === 0) break;
      await sleep(recoveryPollMs);
    }
    return Date.now() - from;
  }

  return {
    async measureDuring(damage) {
      await ready;
      const fault = faults++;
      await probe.query(recordInFlightSql, [fault, runId]);
      const done = await damage();
      if (done !== false) measured.push(measure(fault));
      return done;
    },
    get faults() {
      return measured.length;
    },
    longest: async () => Math.max(0, ...(await Promise.all(measured))),
  };
}
