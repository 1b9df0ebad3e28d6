import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import type { Database } from '../../../db/client.ts';
import { withDatabaseErrors } from '../../../db/errors.ts';
import { fleet } from '../../../db/schema/fleet.ts';
import { runEntities, runs, samples } from '../../../db/schema/runs.ts';
import type { Run } from '../ledger/types.ts';
import { toRun } from '../runs/store.ts';

/** Runs that are pending, running, pausing or cancelling, oldest first. */
export async function listActiveRuns(database: Database): Promise<Run[]> {
  const active = inArray(runs.status, ['pending', 'running', 'pausing', 'cancelling']);
  const rows = await withDatabaseErrors(database.select().from(runs).where(active).orderBy(asc(runs.createdAt)));
  return rows.map(toRun);
}

/**
 * Opens the load of an entity, unless one of its parents is read anew since the caller looked: a retry closes all gates of the
 * run in one transaction, which is waited for here.
 */
export async function openLoad(
  database: Database,
  runId: string,
  entity: string,
  parents: readonly string[],
): Promise<void> {
  const ofRun = eq(runEntities.runId, runId);
  await withDatabaseErrors(
    database.transaction(async (tx) => {
      const rows = await tx.select().from(runEntities).where(ofRun).orderBy(asc(runEntities.entity)).for('update');
      const isReady = rows.every((row) => !parents.includes(row.entity) || (row.status === 'done' && row.loadOpen));
      if (isReady)
        await tx
          .update(runEntities)
          .set({ loadOpen: true })
          .where(and(ofRun, eq(runEntities.entity, entity)));
    }),
  );
}

/** Stores how many records are settled now, and deletes samples older than two minutes. */
export async function saveSample(database: Database, runId: string, done: number, total: number): Promise<void> {
  await withDatabaseErrors(
    database.insert(samples).values({ runId, at: sql`now()`, done, total }).onConflictDoNothing(),
  );
  const old = sql`${samples.runId} = ${runId} AND ${samples.at} < now() - interval '2 minutes'`;
  await withDatabaseErrors(database.delete(samples).where(old));
}

/** Takes or renews the lease on finishing a run; false while another process holds it. */
export async function claimFinishing(database: Database, runId: string, by: string, leaseMs: number): Promise<boolean> {
  const until = sql`now() + ${leaseMs} * interval '1 millisecond'`;
  const free = sql`(${runs.finishingUntil} IS NULL OR ${runs.finishingUntil} < now() OR ${runs.finishingBy} = ${by})`;
  const claimed = await withDatabaseErrors(
    database
      .update(runs)
      .set({ finishingBy: by, finishingUntil: until })
      .where(and(eq(runs.id, runId), eq(runs.status, 'running'), free)),
  );
  return claimed.rowCount === 1;
}

/**
 * Stores why an attempt to finish a run failed and returns how many attempts have failed since the run got its present
 * status, so that a process that takes over continues to count. An attempt that is not `counted` only changes the reason.
 */
export async function recordFinishFailure(
  database: Database,
  runId: string,
  error: string,
  counted: boolean,
): Promise<number> {
  const before = sql`CASE WHEN ${runs.finishFailedAt} >= ${runs.statusAt} THEN ${runs.finishAttempts} ELSE 0 END`;
  const [row] = await withDatabaseErrors(
    database
      .update(runs)
      .set({
        finishAttempts: sql`${before} + ${counted ? 1 : 0}::int`,
        finishError: error,
        finishFailedAt: sql`now()`,
      })
      .where(and(eq(runs.id, runId), eq(runs.status, 'running')))
      .returning({ attempts: runs.finishAttempts }),
  );
  return row?.attempts ?? 0;
}

/** The id of the Redis that was used last. */
export async function readRedisId(database: Database): Promise<string | undefined> {
  const [row] = await withDatabaseErrors(database.select().from(fleet).where(eq(fleet.key, 'redis_id')));
  return row?.value;
}

export async function writeRedisId(database: Database, id: string): Promise<void> {
  const row = { key: 'redis_id', value: id, updatedAt: new Date() };
  await withDatabaseErrors(database.insert(fleet).values(row).onConflictDoUpdate({ target: fleet.key, set: row }));
}
