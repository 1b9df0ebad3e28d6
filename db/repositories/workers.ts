import { desc, eq, lt, sql } from 'drizzle-orm';
import type { Database } from '../client.ts';
import { workers } from '../schema/index.ts';
import { coded } from './coded.ts';

export type WorkerBeat = Omit<typeof workers.$inferInsert, 'startedAt' | 'seenAt'>;
export type WorkerRow = typeof workers.$inferSelect & {
  /** Heard of within the last 15 s, which is several heartbeats. */
  readonly alive: boolean;
};

export interface WorkerStore {
  /** Writes a heartbeat; the first one also says when the process began. */
  beat(worker: WorkerBeat): Promise<void>;
  /** Signs a process off that ends in order. */
  leave(id: string): Promise<void>;
  /** Those heard of within the last hour, the newest first. */
  list(): Promise<WorkerRow[]>;
}

export function createWorkerStore(database: Database): WorkerStore {
  return {
    beat: (worker) => coded(beat(database, worker)),
    leave: async (id) => {
      await coded(database.delete(workers).where(eq(workers.id, id)));
    },
    list: () => coded(list(database)),
  };
}

async function beat(database: Database, worker: WorkerBeat): Promise<void> {
  await database
    .insert(workers)
    .values(worker)
    .onConflictDoUpdate({ target: workers.id, set: { ...worker, seenAt: sql`now()` } });
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
