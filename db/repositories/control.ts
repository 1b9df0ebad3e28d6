import { and, desc, eq, inArray, notInArray, sql } from 'drizzle-orm';
import type { ControlStore, RunQuery } from '../../src/engine/control/ports.ts';
import { finishedStatuses } from '../../src/engine/run-status.ts';
import type { Database } from '../client.ts';
import { createBackgroundRollbackStore } from '../rollback/api-rollbacks.ts';
import { runs, watermarks } from '../schema/index.ts';
import { createAuditLog } from './audit.ts';
import { coded } from './coded.ts';
import { changeRun, setRolledBack } from './control-changes.ts';
import { recordsOf } from './record-views.ts';
import { createRunStore, toRun } from './runs.ts';

/** The control's store over the control database. Every method throws DroverError. */
export function createControlStore(database: Database): ControlStore {
  const store = createRunStore(database);
  const audit = createAuditLog(database);
  return {
    change: (runId, work, entry) => changeRun(database.$client, runId, work, entry),
    note: audit.append,
    activeRun: (plan, targetSchema) => coded(activeRun(database, plan, targetSchema)),
    rollingBack: createBackgroundRollbackStore(database.$client).findActive,
    find: store.find,
    list: (query) => coded(listRuns(database, query)),
    entities: store.entities,
    records: (runId, filter) => coded(recordsOf(database, runId, filter)),
    watermark: (plan, targetSchema, entities) => coded(watermarkOf(database, plan, targetSchema, entities)),
    setRolledBack: (id) => setRolledBack(database, id),
  };
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
