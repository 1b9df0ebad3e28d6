import { and, eq, gt, or, sql } from 'drizzle-orm';
import type pg from 'pg';
import type { AuditEntry } from '../../src/engine/control/audit.ts';
import type { ControlChanges, NewRun } from '../../src/engine/control/ports.ts';
import { DroverError } from '../../src/errors.ts';
import { type Queries, queriesOf } from '../client.ts';
import { advisoryLockClasses } from '../locks.ts';
import { runEntities, runs } from '../schema/index.ts';
import { transaction } from '../sql.ts';
import { appendAudit } from './audit.ts';
import { coded } from './coded.ts';
import { enqueueIds, enqueueRecords, reconcileAgain, replayRecords } from './control-records.ts';
import { createRunStore } from './runs.ts';

/**
 * One operator's change and its row in the audit log, in one transaction. Locks are taken in one order, so nobody waits
 * in a circle: operators of the run, then records and the run's row, then the log's, which everybody takes last.
 */
export function changeRun<T>(
  pool: pg.Pool,
  runId: string,
  work: (changes: ControlChanges) => Promise<T>,
  entry: (done: T) => AuditEntry,
): Promise<T> {
  return transaction(pool, async (client) => {
    await lockRun(client, runId);
    const done = await work(changesOn(client));
    await coded(appendAudit(queriesOf(client), entry(done)));
    return done;
  });
}

// Not the run's row: sending a million records back takes a while, and the conductor must not wait for it. Not for
// longer than this: who waits holds a connection, which everybody else who asks for something needs.
const patience = '5s';

async function lockRun(client: pg.PoolClient, runId: string): Promise<void> {
  await client.query(`SET LOCAL lock_timeout = '${patience}'`);
  try {
    await client.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [advisoryLockClasses.run, runId]);
  } catch (error) {
    if ((error as { code?: string }).code !== '55P03') throw error;
    throw new DroverError('NOT_ALLOWED_NOW', `another change of run ${runId} is still at work`, {
      cause: error,
      remedy: 'Ask again in a moment.',
    });
  }
  await client.query('SET LOCAL lock_timeout = DEFAULT');
}

function changesOn(client: pg.PoolClient): ControlChanges {
  const queries = queriesOf(client);
  const { find, move } = createRunStore(queries);
  return {
    find,
    move,
    createRun: (run, entities) => coded(createRun(queries, run, entities)),
    async goOn(id, reason) {
      const held = await coded(
        queries.select({ status: runs.status }).from(runs).where(eq(runs.id, id)).for('no key update'),
      );
      return held[0]?.status === 'running' || move(id, 'running', reason);
    },
    setBatchSize: async (id, batchSize) => {
      const set =
        batchSize === 'auto'
          ? { batchTuning: sql`coalesce(${runs.batchTuning}, '{}'::jsonb)` }
          : { batchSize, batchTuning: null };
      await coded(queries.update(runs).set(set).where(eq(runs.id, id)));
    },
    replay: (runId, selection) => replayRecords(client, runId, selection),
    reconcileAgain: (runId, unchangedOf) => reconcileAgain(client, runId, unchangedOf),
    reopenExtractions: (runId) => coded(reopen(queries, runId)),
    enqueueIds: (runId, entity, ids) => enqueueIds(client, runId, entity, ids),
    enqueueRecords: (runId, entity, records) => enqueueRecords(client, runId, entity, records),
    setRolledBack: (id) => setRolledBack(queries, id),
  };
}

async function createRun(queries: Queries, run: NewRun, entities: readonly string[]): Promise<void> {
  await queries.insert(runs).values({ ...run, status: 'pending', params: { ...run.params } });
  const rows = entities.map((entity, position) => ({ runId: run.id, entity, position, status: 'reading' }));
  if (rows.length > 0) await queries.insert(runEntities).values(rows);
}

async function reopen(queries: Queries, runId: string): Promise<number> {
  const failed = or(eq(runEntities.status, 'failed'), gt(runEntities.attempts, 0));
  const reopened = await queries
    .update(runEntities)
    .set({ status: 'reading', attempts: 0, dueAt: sql`now()`, dispatchedAt: null, errorCode: null, errorMessage: null })
    .where(and(eq(runEntities.runId, runId), failed));
  return reopened.rowCount ?? 0;
}

/** Marks a run as undone. */
export async function setRolledBack(queries: Queries, id: string): Promise<void> {
  await coded(queries.update(runs).set({ rolledBackAt: sql`now()` }).where(eq(runs.id, id)));
}
