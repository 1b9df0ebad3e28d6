import { desc, eq, lt, sql } from 'drizzle-orm';
import type { Database } from '../client.ts';
import { workers } from '../schema/index.ts';
import { prepared } from '../sql.ts';
import { coded } from './coded.ts';
import { beatStatement, type Heard, heardStatement } from './worker-beat.ts';

/** Times in milliseconds, memory in MB; `cpuMs` and `traffic` are counted from the beginning of the process. */
export type WorkerBeat = Omit<typeof workers.$inferInsert, 'startedAt' | 'seenAt'>;
export type WorkerRow = typeof workers.$inferSelect & {
  /** Heard of within the last 15 s, which is several heartbeats. */
  readonly alive: boolean;
};

export interface WorkerStore {
  /**
   * Writes a heartbeat, and adds what the process used since the last one to every run that is running. The first one
   * also says when the process began.
   */
  beat(worker: WorkerBeat): Promise<void>;
  /** What time it is for heartbeats. */
  now(): Promise<Date>;
  /** True when every worker that is alive has written a heartbeat since then. */
  allHeardSince(at: Date): Promise<boolean>;
  /** Signs a process off that ends in order. */
  leave(id: string): Promise<void>;
  /** Those heard of within the last hour, the newest first. */
  list(): Promise<WorkerRow[]>;
}

export function createWorkerStore(database: Database): WorkerStore {
  return {
    beat: (worker) => beat(database, worker),
    now: async () => {
      const [row] = await prepared<{ now: Date }>(database.$client, undefined, 'SELECT now()', []);
      return (row as { now: Date }).now;
    },
    allHeardSince: async (at) => {
      const [row] = await prepared<Heard>(database.$client, undefined, heardStatement, [at]);
      return row?.heard ?? true;
    },
    leave: async (id) => {
      await coded(database.delete(workers).where(eq(workers.id, id)));
    },
    list: () => coded(list(database)),
  };
}

async function beat(database: Database, worker: WorkerBeat): Promise<void> {
  const { id, host, pid, queues, concurrency, rssMb, loopLagMs, done } = worker;
  const { peakRssMb = rssMb, cpuMs = 0, cpuPercent = 0, traffic = {} } = worker;
  const about = [id, host, pid, queues, concurrency, rssMb, peakRssMb, loopLagMs, done];
  await prepared(database.$client, 'worker_beat', beatStatement, [
    ...about,
    cpuMs,
    cpuPercent,
    JSON.stringify(traffic),
  ]);
}

async function list(database: Database): Promise<WorkerRow[]> {
  // Killed processes never sign off; here, because whoever looks at the list is who they would confuse.
  await database.delete(workers).where(lt(workers.seenAt, sql`now() - interval '1 hour'`));
  const rows = await database
    .select({ worker: workers, alive: sql<boolean>`${workers.seenAt} > now() - interval '15 seconds'` })
    .from(workers)
    .orderBy(desc(workers.startedAt), workers.id);
  return rows.map(({ worker, alive }) => ({ ...worker, alive }));
}
