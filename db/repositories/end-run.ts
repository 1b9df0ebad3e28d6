import { and, eq, sql } from 'drizzle-orm';
import type { RunStatus } from '../../src/engine/run-status.ts';
import type { Database } from '../client.ts';
import { counts, runs } from '../schema/index.ts';
import { coded } from './coded.ts';
import { createRunStore } from './runs.ts';

/**
 * Moves a run to its end unless a record of it is pending; false then. The run's row is held while we look: who sends
 * records on their way holds it to the commit, so none can come between the look and the move.
 */
export function endRun(database: Database, id: string, to: RunStatus, reason: string | null): Promise<boolean> {
  return coded(
    database.transaction(async (tx) => {
      await tx.select({ id: runs.id }).from(runs).where(eq(runs.id, id)).for('no key update');
      const [left] = await tx
        .select({ n: sql<number>`coalesce(sum(${counts.n}), 0)::int` })
        .from(counts)
        .where(and(eq(counts.runId, id), eq(counts.status, 'pending')));
      return left?.n === 0 && createRunStore(tx).move(id, to, reason);
    }),
  );
}
