import { and, desc, eq, gt, notInArray, or, sql } from 'drizzle-orm';
import type pg from 'pg';
import { type Database, type Queries, queriesOf } from '../../../db/client.ts';
import { withDatabaseErrors } from '../../../db/errors.ts';
import { advisoryLockClasses } from '../../../db/locks.ts';
import { runEntities, runs } from '../../../db/schema/runs.ts';
import { type Queryable, queryPrepared, transaction } from '../../../db/sql.ts';
import { appendAudit, createAuditLog } from '../../../db/stores/audit.ts';
import type { AuditEntry } from '../../contract/audit.ts';
import { finishedStatuses, type RunStatus } from '../../contract/run-status.ts';
import type { BatchSize, RecordFilter } from '../../contract/runs.ts';
import { DroverError } from '../../errors.ts';
import type { JsonObject } from '../../plan/json.ts';
import { storableKey } from '../ledger/source-ids.ts';
import type { Run } from '../ledger/types.ts';
import { createBackgroundRollbackStore } from '../rollback/background.sql.ts';
import { findDependentRun } from './incremental.sql.ts';
import { createRunStore, listRecords, toRun } from './store.ts';

/** A run about to be written. */
export type NewRun = Omit<
  Run,
  | 'status'
  | 'reason'
  | 'createdAt'
  | 'startedAt'
  | 'finishedAt'
  | 'statusAt'
  | 'rolledBackAt'
  | 'purgedAt'
  | 'finishError'
  | 'finishFailedAt'
>;

interface RunQuery {
  readonly plan?: string | undefined;
  readonly status?: RunStatus | undefined;
  /** Id of the last run of the page before. */
  readonly after?: string | undefined;
  readonly limit: number;
}

/** Which records a replay takes. */
interface ReplaySelection {
  readonly entity?: string | undefined;
  readonly stage?: string | undefined;
  readonly status?: string | undefined;
  readonly code?: string | null | undefined;
  readonly field?: string | null | undefined;
}

export type ControlStore = ReturnType<typeof createControlStore>;

/** The control's store over the control database. Every method throws DroverError. */
export function createControlStore(database: Database) {
  const { find, entities } = createRunStore(database);
  return {
    find,
    entities,
    /**
     * Does the work and writes its audit row, both or neither. Changes of one run are serialized. The work may use only
     * `changes`: it holds a connection.
     */
    change: <T>(
      runId: string,
      work: (changes: ControlChanges) => Promise<T>,
      entry: (done: T) => AuditEntry,
    ): Promise<T> => changeRun(database.$client, runId, work, entry),
    /** Records what is about to be done in another database or at an API, outside our transactions. */
    appendAudit: createAuditLog(database).append,
    /** Another run of the plan into the same schema that is not finished; two at once would write over each other. */
    activeRun: (plan: string, targetSchema: string) => withDatabaseErrors(activeRun(database, plan, targetSchema)),
    /** A run that a rollback of this one has to wait for: unfinished, into the same schema, of the same plan or newer. */
    runBlockingRollback: (runId: string) => runBlockingRollback(database.$client, runId),
    /** A run of the plan into the same schema that is being rolled back at APIs. */
    activeRollback: createBackgroundRollbackStore(database.$client).findActive,
    /** The newest first. */
    list: (query: RunQuery) => withDatabaseErrors(listRuns(database, query)),
    records: (runId: string, filter: RecordFilter & { limit: number }) =>
      withDatabaseErrors(listRecords(database, runId, filter)),
    /** The newest incremental run that read only what changed since this run, and was not rolled back. */
    dependentRun: (runId: string) => findDependentRun(database.$client, runId),
    setRolledBack: (id: string) => setRolledBack(database, id),
  };
}

async function activeRun(
  database: Database,
  plan: string,
  targetSchema: string,
): Promise<{ readonly id: string; readonly status: RunStatus } | undefined> {
  const [row] = await database
    .select({ id: runs.id, status: runs.status })
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
  return row && { id: row.id, status: row.status as RunStatus };
}

const blockingRunSql = `
SELECT o.id, o.status FROM drover.runs r JOIN drover.runs o ON o.target_schema = r.target_schema AND o.id <> r.id
WHERE r.id = $1 AND o.status <> ALL ($2::text[]) AND NOT o.dry_run AND NOT o.export_only
  AND (o.plan = r.plan OR (o.created_at, o.id) > (r.created_at, r.id))
ORDER BY o.created_at DESC LIMIT 1`;

async function runBlockingRollback(pool: pg.Pool, runId: string) {
  const values = [runId, finishedStatuses];
  const [row] = await queryPrepared<{ id: string; status: RunStatus }>(pool, undefined, blockingRunSql, values);
  return row;
}

async function listRuns(database: Database, query: RunQuery) {
  const wanted = [
    query.plan === undefined ? undefined : eq(runs.plan, query.plan),
    query.status === undefined ? undefined : eq(runs.status, query.status),
    query.after === undefined ? undefined : createdBefore(query.after),
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
function createdBefore(id: string) {
  return sql`(${runs.createdAt}, ${runs.id}) < (SELECT r.created_at, r.id FROM drover.runs r WHERE r.id = ${id})`;
}

/**
 * One operator's change and its audit row, in one transaction. Locks are taken in one order, so that no deadlock arises:
 * the run's advisory lock, then records and the run's row, then the lock of the audit log.
 */
function changeRun<T>(
  pool: pg.Pool,
  runId: string,
  work: (changes: ControlChanges) => Promise<T>,
  entry: (done: T) => AuditEntry,
): Promise<T> {
  return transaction(pool, async (client) => {
    await lockRun(client, runId);
    const done = await work(createChanges(client));
    await withDatabaseErrors(appendAudit(queriesOf(client), entry(done)));
    return done;
  });
}

// Not a lock of the run's row: a replay of a million records takes a while, and the scheduler must not wait for it. Bounded,
// because a waiting request holds a connection that other requests need.
const lockTimeout = '5s';

async function lockRun(client: pg.PoolClient, runId: string): Promise<void> {
  await client.query(`SET LOCAL lock_timeout = '${lockTimeout}'`);
  try {
    await client.query('SELECT pg_advisory_xact_lock($1, hashtext($2))', [advisoryLockClasses.run, runId]);
  } catch (error) {
    if ((error as { code?: string }).code !== '55P03') throw error;
    throw new DroverError('NOT_ALLOWED_NOW', `another change of run ${runId} is still in progress`, {
      cause: error,
      remedy: 'Repeat the request in a moment.',
    });
  }
  await client.query('SET LOCAL lock_timeout = DEFAULT');
}

export type ControlChanges = ReturnType<typeof createChanges>;

/** What an operator's change does to a run, in one transaction. Every method throws DroverError. */
function createChanges(client: pg.PoolClient) {
  const queries = queriesOf(client);
  const { find, move } = createRunStore(queries);
  return {
    find,
    /** Moves a run to another status; false when the transition table does not allow it from where the run is. */
    move,
    createRun: (run: NewRun, entities: readonly string[]) => withDatabaseErrors(createRun(queries, run, entities)),
    /**
     * Continues a run for records that were enqueued; false when no transition leads there. A process that would end the
     * run waits for this change and sees its records, so call it last.
     */
    async resume(id: string, reason: string | null): Promise<boolean> {
      const locked = await withDatabaseErrors(
        queries.select({ status: runs.status }).from(runs).where(eq(runs.id, id)).for('no key update'),
      );
      return locked[0]?.status === 'running' || move(id, 'running', reason);
    },
    /** `auto` starts from the current size and from what was measured. */
    async setBatchSize(id: string, batchSize: BatchSize): Promise<void> {
      const set =
        batchSize === 'auto'
          ? { batchTuning: sql`coalesce(${runs.batchTuning}, '{}'::jsonb)` }
          : { batchSize, batchTuning: null };
      await withDatabaseErrors(queries.update(runs).set(set).where(eq(runs.id, id)));
    },
    replay: (runId: string, selection: ReplaySelection) => replayRecords(client, runId, selection),
    reconcileAgain: (runId: string, unchangedOf: readonly string[]) => reconcileAgain(client, runId, unchangedOf),
    reopenExtractions: (runId: string) => withDatabaseErrors(reopenExtractions(queries, runId)),
    enqueueIds: (runId: string, entity: string, ids: readonly string[]) => enqueueIds(client, runId, entity, ids),
    enqueueRecords: (runId: string, entity: string, records: readonly { sourceId: string; raw: JsonObject }[]) =>
      enqueueRecords(client, runId, entity, records),
    setRolledBack: (id: string) => setRolledBack(queries, id),
  };
}

async function createRun(queries: Queries, run: NewRun, entities: readonly string[]): Promise<void> {
  await queries.insert(runs).values({ ...run, status: 'pending', params: { ...run.params } });
  const rows = entities.map((entity, position) => ({ runId: run.id, entity, position, status: 'reading' }));
  if (rows.length > 0) await queries.insert(runEntities).values(rows);
}

/**
 * Continues failed extractions from their cursor, and reads those from the beginning that gave fewer records than their
 * source counts (SOURCE_SHORT): which records were missing is not known. Returns how many extractions were opened.
 */
async function reopenExtractions(queries: Queries, runId: string): Promise<number> {
  const short = await queries
    .update(runEntities)
    .set({
      ...{ status: 'reading', attempts: 0, cursor: null, rescans: 0, repeated: 0, sourceTotal: null },
      ...{ dueAt: sql`now()`, dispatchedAt: null, errorCode: null, errorMessage: null },
    })
    .where(
      and(eq(runEntities.runId, runId), eq(runEntities.status, 'done'), eq(runEntities.errorCode, 'SOURCE_SHORT')),
    );
  // Children wait again until their parents are read and settled: a parent that was hidden would be missing to them.
  if (short.rowCount) await queries.update(runEntities).set({ loadOpen: false }).where(eq(runEntities.runId, runId));
  const failed = or(eq(runEntities.status, 'failed'), gt(runEntities.attempts, 0));
  const reopened = await queries
    .update(runEntities)
    .set({ status: 'reading', attempts: 0, dueAt: sql`now()`, dispatchedAt: null, errorCode: null, errorMessage: null })
    .where(and(eq(runEntities.runId, runId), failed));
  return (short.rowCount ?? 0) + (reopened.rowCount ?? 0);
}

/** Marks a run as undone. */
async function setRolledBack(queries: Queries, id: string): Promise<void> {
  await withDatabaseErrors(queries.update(runs).set({ rolledBackAt: sql`now()` }).where(eq(runs.id, id)));
}

// Rejected and failed records are read from the source again, where they may have been corrected; what differs in the target is
// written again from what was read. Records without an id of their own (`#…`) cannot be fetched. The target id stays: it is the
// same row.
const replaySql = `
WITH back AS (
  UPDATE drover.records SET status = 'pending', stage = CASE WHEN stage = 'extract' THEN 'extract'
      WHEN status IN ('rejected', 'failed') AND strpos(source_id, '#') = 0 THEN 'extract' ELSE 'transform' END,
    code = NULL, field = NULL, message = NULL, blocked_by = NULL, merged_into = NULL, attempts = 0, epoch = epoch + 1,
    dispatched_at = NULL, due_at = now(), updated_at = now()
  WHERE run_id = $1 AND status IN ('rejected', 'failed', 'mismatched', 'blocked')
    AND ($2::text IS NULL OR entity = $2) AND ($3::text IS NULL OR stage = $3) AND ($4::text IS NULL OR status = $4)
    AND (NOT $5 OR code IS NOT DISTINCT FROM $6) AND (NOT $7 OR field IS NOT DISTINCT FROM $8)
  RETURNING 1
)
SELECT count(*)::int AS n FROM back`;

/**
 * Makes settled records pending from their first stage, under a new epoch; returns how many. Rejected and failed ones are read
 * from the source again, others are processed as they were read.
 */
async function replayRecords(client: Queryable, runId: string, selection: ReplaySelection): Promise<number> {
  const { entity = null, stage = null, status = null } = selection;
  const rows = await queryPrepared<{ n: number }>(client, 'replay', replaySql, [
    runId,
    entity,
    stage,
    status,
    selection.code !== undefined,
    selection.code ?? null,
    selection.field !== undefined,
    selection.field ?? null,
  ]);
  return rows[0]?.n ?? 0;
}

// Every record whose row should be in the target: reconciled, unchanged since an earlier run, or found to differ and perhaps
// corrected by hand since; and those loaded that could not be compared. Not rows left as they were (EXISTS) or merged: there the
// target does not hold what this record says.
const reconcileAgainSql = `
WITH back AS (
  UPDATE drover.records SET status = 'pending', stage = 'reconcile', code = NULL, field = NULL, message = NULL,
    attempts = 0, epoch = epoch + 1, dispatched_at = NULL, due_at = now(), updated_at = now()
  WHERE run_id = $1 AND (status IN ('reconciled', 'mismatched') OR (status = 'skipped' AND code = 'UNCHANGED' AND entity = ANY ($2::text[]))
    OR (status IN ('failed', 'blocked', 'rejected') AND stage = 'reconcile' AND target_id IS NOT NULL))
  RETURNING 1
)
SELECT count(*)::int AS n FROM back`;

/** Makes everything that was loaded pending for reconcile, and unchanged records of the entities named; returns how many. */
async function reconcileAgain(client: Queryable, runId: string, unchangedOf: readonly string[]): Promise<number> {
  const rows = await queryPrepared<{ n: number }>(client, 'compare_again', reconcileAgainSql, [runId, unchangedOf]);
  return rows[0]?.n ?? 0;
}

const enqueueIdsSql = `
INSERT INTO drover.records AS r (run_id, entity, source_id, stage, status)
SELECT DISTINCT $1, $2, id, 'extract', 'pending' FROM unnest($3::text[]) AS id
ON CONFLICT (run_id, entity, source_id) DO UPDATE SET stage = 'extract', status = 'pending', code = NULL, field = NULL,
  message = NULL, blocked_by = NULL, merged_into = NULL, attempts = 0, epoch = r.epoch + 1, dispatched_at = NULL,
  due_at = now(), updated_at = now()`;

/** Records to be fetched from the source by their ids; known ones are fetched again. */
async function enqueueIds(
  client: Queryable,
  runId: string,
  entity: string,
  sourceIds: readonly string[],
): Promise<number> {
  await queryPrepared(client, 'enqueue_ids', enqueueIdsSql, [runId, entity, sourceIds.map(storableKey)]);
  return new Set(sourceIds).size;
}

const enqueueRecordsSql = `
WITH input AS (SELECT * FROM json_to_recordset($3::json) AS x(source_id text, raw json)),
stored AS (
  INSERT INTO drover.records AS r (run_id, entity, source_id, stage, status)
  SELECT $1, $2, source_id, 'transform', 'pending' FROM input
  ON CONFLICT (run_id, entity, source_id) DO UPDATE SET stage = 'transform', status = 'pending', code = NULL, field = NULL,
    message = NULL, blocked_by = NULL, merged_into = NULL, attempts = 0, epoch = r.epoch + 1, dispatched_at = NULL,
    due_at = now(), updated_at = now()
  RETURNING id, source_id
), kept AS (
  INSERT INTO drover.payloads (record_id, raw) SELECT s.id, i.raw FROM stored s JOIN input i USING (source_id)
  ON CONFLICT (record_id) DO UPDATE SET raw = excluded.raw
)
SELECT count(*)::int AS n FROM stored`;

/** Records given as they are, which replace known ones; their source ids must be distinct. */
export async function enqueueRecords(
  client: Queryable,
  runId: string,
  entity: string,
  records: readonly { sourceId: string; raw: JsonObject }[],
): Promise<number> {
  const input = JSON.stringify(records.map((record) => ({ source_id: storableKey(record.sourceId), raw: record.raw })));
  const rows = await queryPrepared<{ n: number }>(client, 'enqueue_records', enqueueRecordsSql, [runId, entity, input]);
  return rows[0]?.n ?? 0;
}
