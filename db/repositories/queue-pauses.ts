import { asc, eq } from 'drizzle-orm';
import type { Database } from '../client.ts';
import { queuePauses } from '../schema/index.ts';
import { type AuditEntry, appendAudit } from './audit.ts';
import { coded } from './coded.ts';

/** A queue an operator paused by hand. An emptied Redis forgets it; it is paused again from here. */
export type QueuePause = typeof queuePauses.$inferSelect;

export interface QueuePauseStore {
  list(): Promise<QueuePause[]>;
  /** Pauses, or keeps the pause that is there, and writes the audit row. */
  pause(pause: Omit<QueuePause, 'pausedAt'>, audit: AuditEntry): Promise<void>;
  resume(queue: string, audit: AuditEntry): Promise<void>;
}

export function createQueuePauseStore(database: Database): QueuePauseStore {
  return {
    list: () => coded(database.select().from(queuePauses).orderBy(asc(queuePauses.queue))),
    pause: (pause, audit) =>
      coded(
        database.transaction(async (tx) => {
          await tx.insert(queuePauses).values(pause).onConflictDoNothing();
          await appendAudit(tx, audit);
        }),
      ),
    resume: (queue, audit) =>
      coded(
        database.transaction(async (tx) => {
          await tx.delete(queuePauses).where(eq(queuePauses.queue, queue));
          await appendAudit(tx, audit);
        }),
      ),
  };
}
