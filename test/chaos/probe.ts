import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Plain SQL at the experiment's database, for observers: retries while the database is away. */
export interface Probe {
  query<T extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<T[]>;
  close(): Promise<void>;
}

const retryForMs = 60_000;

export function openProbe(url: string): Probe {
  const pool = new pg.Pool({
    connectionString: url,
    max: 3,
    application_name: 'chaos',
    connectionTimeoutMillis: 5_000,
  });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return {
    async query<T extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) {
      const deadline = Date.now() + retryForMs;
      for (;;) {
        try {
          return (await pool.query<T>(text, [...values])).rows;
        } catch (error) {
          if (!isConnectionError(error) || Date.now() > deadline) throw error;
          await sleep(200);
        }
      }
    },
    close: () => pool.end(),
  };
}

/** The server is down, or went down with the query; every other error is a defect of the question. */
function isConnectionError(error: unknown): boolean {
  const code = String((error as { code?: unknown }).code ?? '');
  return code === '' || /^(08|57P|53|E)/.test(code);
}

/** Where a run is, by the counters, to wait for a moment in it. */
export interface Progress {
  /** Resolves when this share of all source records is settled, or the run is over. */
  waitForShare(share: number): Promise<void>;
  /** Resolves after the time, or when the run is over. */
  wait(ms: number): Promise<void>;
  status(): Promise<string>;
}

const settledCountSql = `SELECT coalesce(sum(n), 0)::int AS n FROM drover.counts WHERE run_id = $1 AND status <> 'pending'`;
const progressPollMs = 50;

export function createProgress(probe: Probe, runId: string, size: number, runEnded: AbortSignal): Progress {
  const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal: runEnded }).catch(() => undefined);
  return {
    wait: pause,
    async waitForShare(share) {
      while (!runEnded.aborted) {
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

/**
 * Measures what a fault costs: the time from its end until everything that was in flight when it began has moved on.
 * Records that wait for a place in the hash pool are left out; they wait without any fault.
 */
export interface Recovery {
  /** Does the damage, repairs it, and measures the time. Answers what the damage does; false means that none was done. */
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

export function createRecovery(probe: Probe, runId: string, runEnded: AbortSignal): Recovery {
  const measured: Promise<number>[] = [];
  let faults = 0;
  const ready = probe.query(createTableSql);

  async function measure(fault: number): Promise<number> {
    const from = Date.now();
    while (!runEnded.aborted) {
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
