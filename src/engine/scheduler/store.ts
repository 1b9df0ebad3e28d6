import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import type { Database } from '../../../db/client.ts';
import { coded } from '../../../db/errors.ts';
import { fleet } from '../../../db/schema/fleet.ts';
import { counts, runEntities, runs, samples } from '../../../db/schema/runs.ts';
import { decideMerges } from '../ledger/merge.ts';
import { toRun, toRunEntity } from '../runs/store.ts';
import { takeDue, takeDueExtractions } from './dispatch.ts';
import { hasIdentities, unblock, unsettled } from './load-gates.ts';
import { fence, forgetDispatched, inFlight, sweep } from './sweep.ts';
import type { ConductorStore, StageCount } from './types.ts';

/** The conductor's store over the control database; identities are read from the target's. */
export function createConductorStore(database: Database, target: Database): ConductorStore {
  const pool = database.$client;
  const mine = (runId: string, entity: string) => and(eq(runEntities.runId, runId), eq(runEntities.entity, entity));
  return {
    activeRuns: async () => {
      const active = inArray(runs.status, ['pending', 'running', 'pausing', 'cancelling']);
      const rows = await coded(database.select().from(runs).where(active).orderBy(asc(runs.createdAt)));
      return rows.map(toRun);
    },
    entities: async (runId) => {
      const rows = await coded(
        database.select().from(runEntities).where(eq(runEntities.runId, runId)).orderBy(asc(runEntities.position)),
      );
      return rows.map(toRunEntity);
    },
    counts: (runId) => countsOf(database, runId),
    takeDue: (runId, entity, stage, limit) => takeDue(pool, runId, entity, stage, limit),
    takeDueExtractions: (runId, but) => takeDueExtractions(pool, runId, but),
    sweep: (ageMs) => sweep(pool, ageMs),
    forgetDispatched: () => forgetDispatched(pool),
    inFlight: (runId) => inFlight(pool, runId),
    fence: (runId) => fence(pool, runId),
    unsettled: (runId, entity) => unsettled(pool, runId, entity),
    decideMerges: (runId, entity, merge) => decideMerges(pool, runId, entity, merge),
    openLoad: async (runId, entity) => {
      await coded(database.update(runEntities).set({ loadOpen: true }).where(mine(runId, entity)));
    },
    hasIdentities: (plan, targetSchema, entity) => hasIdentities(target.$client, plan, targetSchema, entity),
    unblock: (runId) => unblock(pool, runId),
    sample: async (runId, done, total) => {
      await coded(database.insert(samples).values({ runId, at: sql`now()`, done, total }).onConflictDoNothing());
      const old = sql`${samples.runId} = ${runId} AND ${samples.at} < now() - interval '2 minutes'`;
      await coded(database.delete(samples).where(old));
    },
    claimFinishing: (runId, by, leaseMs) => claimFinishing(database, runId, by, leaseMs),
    redisId: async () => (await coded(database.select().from(fleet).where(eq(fleet.key, 'redis_id'))))[0]?.value,
    setRedisId: async (id) => {
      const row = { key: 'redis_id', value: id, updatedAt: new Date() };
      await coded(database.insert(fleet).values(row).onConflictDoUpdate({ target: fleet.key, set: row }));
    },
  };
}

async function countsOf(database: Database, runId: string): Promise<StageCount[]> {
  const n = sql<number>`sum(${counts.n})::int`;
  const rows = await coded(
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
  const claimed = await coded(
    database
      .update(runs)
      .set({ finishingBy: by, finishingUntil: until })
      .where(and(eq(runs.id, runId), eq(runs.status, 'running'), free)),
  );
  return claimed.rowCount === 1;
}
