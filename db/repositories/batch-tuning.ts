import { and, eq, isNotNull } from 'drizzle-orm';
import type { BatchTuning } from '../../src/engine/batch-size.ts';
import type { Database } from '../client.ts';
import { runs } from '../schema/index.ts';
import { coded } from './coded.ts';

export interface Tuned {
  readonly batchSize: number;
  readonly batchTuning: BatchTuning;
}

/** Changes what is known of a run that tunes itself, one process after the other; nothing where the size is fixed. */
export function changeTuning(database: Database, runId: string, change: (before: Tuned) => BatchTuning): Promise<void> {
  return coded(
    database.transaction(async (tx) => {
      const { batchSize, batchTuning } = runs;
      const [row] = await tx
        .select({ batchSize, batchTuning })
        .from(runs)
        .where(and(eq(runs.id, runId), isNotNull(batchTuning)))
        .for('update');
      if (!row?.batchTuning) return;
      const before = { ...row, batchTuning: row.batchTuning };
      await tx
        .update(runs)
        .set({ batchTuning: change(before) })
        .where(eq(runs.id, runId));
    }),
  );
}
