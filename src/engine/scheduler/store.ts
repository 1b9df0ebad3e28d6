import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import type { Database } from '../../../db/client.ts';
import { withDatabaseErrors } from '../../../db/errors.ts';
import { fleet } from '../../../db/schema/fleet.ts';
import { counts, runEntities, runs, samples } from '../../../db/schema/runs.ts';
import { decideMerges } from '../ledger/merge.ts';
import { toRun, toRunEntity } from '../runs/store.ts';
import { claimDueExtractions, claimDueRecords } from './dispatch.ts';
import { hasIdentities, hasUnsettledRecords, unblock } from './load-gates.ts';
import { countInFlight, fenceRun, resetDispatched, sweep } from './sweep.ts';
import type { SchedulerStore, StageCount } from './types.ts';

/** The conductor's store over the control database; identities are read from the target's. */
export function createSchedulerStore(database: Database, target: Database): SchedulerStore {
  const pool = database.$client;
  const mine = (runId: string, entity: string) => and(eq(runEntities.runId, runId), eq(runEntities.entity, entity));
  return {
    activeRuns: async () => {
      const active = inArray(runs.status, ['pending', 'running', 'pausing', 'cancelling']);
      const rows = await withDatabaseErrors(database.select().from(runs).where(active).orderBy(asc(runs.createdAt)));
      return rows.map(toRun);
    },
    entities: async (runId) => {
      const rows = await withDatabaseErrors(
        database.select().from(runEntities).where(eq(runEntities.runId, runId)).orderBy(asc(runEntities.position)),
      );
      return rows.map(toRunEntity);
    },
    counts: (runId) => countsOf(database, runId),
    claimDueRecords: (runId, entity, stage, limit) => claimDueRecords(pool, runId, entity, stage, limit),
    claimDueExtractions: (runId, but) => claimDueExtractions(pool, runId, but),
    sweep: (ageMs) => sweep(pool, ageMs),
    resetDispatched: () => resetDispatched(pool),
    countInFlight: (runId) => countInFlight(pool, runId),
    fenceRun: (runId) => fenceRun(pool, runId),
    hasUnsettledRecords: (runId, entity) => hasUnsettledRecords(pool, runId, entity),
    decideMerges: (runId, entity, merge) => decideMerges(pool, runId, entity, merge),
    openLoad: async (runId, entity) => {
      await withDatabaseErrors(database.update(runEntities).set({ loadOpen: true }).where(mine(runId, entity)));
    },
    hasIdentities: (plan, targetSchema, entity) => hasIdentities(target.$client, plan, targetSchema, entity),
    unblock: (runId) => unblock(pool, runId),
    saveSample: async (runId, done, total) => {
      await withDatabaseErrors(
        database.insert(samples).values({ runId, at: sql`now()`, done, total }).onConflictDoNothing(),
      );
      const old = sql`${samples.runId} = ${runId} AND ${samples.at} < now() - interval '2 minutes'`;
      await withDatabaseErrors(database.delete(samples).where(old));
    },
    claimFinishing: (runId, by, leaseMs) => claimFinishing(database, runId, by, leaseMs),
    redisId: async () =>
      (await withDatabaseErrors(database.select().from(fleet).where(eq(fleet.key, 'redis_id'))))[0]?.value,
    setRedisId: async (id) => {
      const row = { key: 'redis_id', value: id, updatedAt: new Date() };
      await withDatabaseErrors(database.insert(fleet).values(row).onConflictDoUpdate({ target: fleet.key, set: row }));
    },
  };
}

async function countsOf(database: Database, runId: string): Promise<StageCount[]> {
  const n = sql<number>`sum(${counts.n})::int`;
  const rows = await withDatabaseErrors(
    database
      .select({ entity: counts.entity, stage: counts.stage, status: counts.status, n })
      .from(counts)
      .where(eq(counts.runId, runId))
      .groupBy(counts.entity, counts.stage, counts.status),
  );
  return rows.filter((row) => row.n !== 0) as StageCount[];
}

async function claimFinishing(database: Database, runId: string, by: string, leaseMs: number): Promise<boolean> {
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
