import { and, desc, eq, gt, inArray, notInArray, or, sql } from 'drizzle-orm';
import type { ControlStore, NewRun, RunQuery } from '../../src/engine/control/ports.ts';
import { finishedStatuses } from '../../src/engine/run-status.ts';
import type { Database } from '../client.ts';
import { runEntities, runs, watermarks } from '../schema/index.ts';
import { coded } from './coded.ts';
import { enqueueIds, enqueueRecords, reconcileAgain, replayRecords } from './control-records.ts';
import { recordsOf } from './record-views.ts';
import { createRunStore, toRun } from './runs.ts';

/** The control's store over the control database. Every method throws DroverError. */
export function createControlStore(database: Database): ControlStore {
  const store = createRunStore(database);
  const pool = database.$client;
  return {
    createRun: (run, entities) => coded(createRun(database, run, entities)),
    activeRun: (plan, targetSchema) => coded(activeRun(database, plan, targetSchema)),
    find: store.find,
    list: (query) => coded(listRuns(database, query)),
    entities: store.entities,
    move: store.move,
    setBatchSize: async (id, batchSize) => {
      const set =
        batchSize === 'auto'
          ? { batchTuning: sql`coalesce(${runs.batchTuning}, '{}'::jsonb)` }
          : { batchSize, batchTuning: null };
      await coded(database.update(runs).set(set).where(eq(runs.id, id)));
    },
    records: (runId, filter) => coded(recordsOf(database, runId, filter)),
    replay: (runId, selection) => replayRecords(pool, runId, selection),
    reconcileAgain: (runId) => reconcileAgain(pool, runId),
    reopenExtractions: (runId) => coded(reopen(database, runId)),
    enqueueIds: (runId, entity, ids) => enqueueIds(pool, runId, entity, ids),
    enqueueRecords: (runId, entity, records) => enqueueRecords(pool, runId, entity, records),
    watermark: (plan, targetSchema, entities) => coded(watermarkOf(database, plan, targetSchema, entities)),
    setRolledBack: async (id) => {
      await coded(database.update(runs).set({ rolledBackAt: sql`now()` }).where(eq(runs.id, id)));
    },
  };
}

async function createRun(database: Database, run: NewRun, entities: readonly string[]): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.insert(runs).values({ ...run, status: 'pending', params: { ...run.params } });
    const rows = entities.map((entity, position) => ({ runId: run.id, entity, position, status: 'reading' }));
    if (rows.length > 0) await tx.insert(runEntities).values(rows);
  });
}

async function activeRun(database: Database, plan: string, targetSchema: string): Promise<string | undefined> {
  const [row] = await database
    .select({ id: runs.id })
    .from(runs)
    .where(
      and(
        eq(runs.plan, plan),
        eq(runs.targetSchema, targetSchema),
        notInArray(runs.status, [...finishedStatuses]),
        eq(runs.dryRun, false),
        eq(runs.exportOnly, false),
      ),
    )
    .limit(1);
  return row?.id;
}

async function listRuns(database: Database, query: RunQuery) {
  const wanted = [
    query.plan === undefined ? undefined : eq(runs.plan, query.plan),
    query.status === undefined ? undefined : eq(runs.status, query.status),
    query.after === undefined ? undefined : before(query.after),
  ];
  const rows = await database
    .select()
    .from(runs)
    .where(and(...wanted))
    .orderBy(desc(runs.createdAt), desc(runs.id))
    .limit(query.limit);
  return rows.map(toRun);
}

// Compared in the database: a JavaScript Date has no microseconds, and runs made in one millisecond would be left out.
function before(id: string) {
  return sql`(${runs.createdAt}, ${runs.id}) < (SELECT r.created_at, r.id FROM drover.runs r WHERE r.id = ${id})`;
}

async function reopen(database: Database, runId: string): Promise<number> {
  const failed = or(eq(runEntities.status, 'failed'), gt(runEntities.attempts, 0));
  const reopened = await database
    .update(runEntities)
    .set({ status: 'reading', attempts: 0, dueAt: sql`now()`, dispatchedAt: null, errorCode: null, errorMessage: null })
    .where(and(eq(runEntities.runId, runId), failed));
  return reopened.rowCount ?? 0;
}

async function watermarkOf(database: Database, plan: string, targetSchema: string, entities: readonly string[]) {
  const mine = and(
    eq(watermarks.plan, plan),
    eq(watermarks.targetSchema, targetSchema),
    inArray(watermarks.entity, [...entities]),
  );
  const rows = await database.select().from(watermarks).where(mine);
  // An entity that was never read has no mark, and then nothing may be left out.
  if (rows.length < entities.length) return undefined;
  return rows.map((row) => row.watermark).sort()[0];
}
