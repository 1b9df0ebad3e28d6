import { and, asc, eq, gt, inArray, isNotNull, sql } from 'drizzle-orm';
import type { Database, Queries } from '../../../db/client.ts';
import { withDatabaseErrors } from '../../../db/errors.ts';
import { counts, records, runEntities, runs, samples } from '../../../db/schema/runs.ts';
import type { RecordStatus, Stage } from '../../contract/record-status.ts';
import { type RunStatus, statusesBefore } from '../../contract/run-status.ts';
import type { BatchTuning, RecordFilter, RecordView } from '../../contract/runs.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { Run, RunEntity, StageCount } from '../ledger/types.ts';
import { finishExtraction } from './incremental.sql.ts';
import type { ProgressSample } from './progress.ts';

export type RunStore = ReturnType<typeof createRunStore>;

/** Runs and their extractions, over the control database. Every method throws DroverError. */
export function createRunStore(database: Queries) {
  return {
    find: (id: string) => withDatabaseErrors(findRun(database, id)),
    entities: (runId: string) => withDatabaseErrors(entitiesOf(database, runId)),
    async extraction(runId: string, entity: string): Promise<RunEntity | undefined> {
      return (await withDatabaseErrors(entitiesOf(database, runId, entity)))[0];
    },
    setSourceTotal: (runId: string, entity: string, total: number | null) =>
      withDatabaseErrors(updateExtraction(database, runId, entity, undefined, { sourceTotal: total })),
    /** `shortfall` is set when the source returned fewer records than it counts. */
    finishExtraction: (runId: string, entity: string, epoch: number, shortfall: string | null) =>
      withDatabaseErrors(finishExtraction(database, runId, entity, epoch, shortfall)),
    /** Reads the source again from its beginning; records that are stored already are only counted as repeated. */
    rescan: (runId: string, entity: string, epoch: number) =>
      withDatabaseErrors(
        updateExtraction(database, runId, entity, epoch, { cursor: null, rescans: sql`${runEntities.rescans} + 1` }),
      ),
    /** Number of records by stage and status, of one entity or of all. */
    counts: (runId: string, entity?: string) => withDatabaseErrors(countRecords(database, runId, entity)),
    /** Ends the slice: the next one is due after `delayMs`. */
    yieldExtraction: (runId: string, entity: string, epoch: number, delayMs: number) =>
      withDatabaseErrors(
        updateExtraction(database, runId, entity, epoch, { dispatchedAt: null, dueAt: inFuture(delayMs) }),
      ),
    /** Stores the error; the extraction is retried after `retryMs`, or has failed without it. */
    failExtraction: (
      runId: string,
      entity: string,
      epoch: number,
      error: { readonly code: string; readonly message: string; readonly retryMs?: number },
    ) =>
      withDatabaseErrors(
        updateExtraction(database, runId, entity, epoch, {
          status: error.retryMs === undefined ? 'failed' : 'reading',
          dispatchedAt: null,
          attempts: sql`${runEntities.attempts} + 1`,
          errorCode: error.code,
          errorMessage: error.message,
          ...(error.retryMs === undefined ? {} : { dueAt: inFuture(error.retryMs) }),
        }),
      ),
    /** Moves a run to another status; false when the transition table does not allow it from its current one. */
    move: (id: string, to: RunStatus, reason: string | null) => withDatabaseErrors(moveRun(database, id, to, reason)),
  };
}

/** A row of `runs` as the engine sees it. */
export function toRun(row: typeof runs.$inferSelect): Run {
  return {
    ...row,
    strategy: row.strategy as Run['strategy'],
    status: row.status as RunStatus,
    params: row.params as JsonObject,
  };
}

/** A row of `run_entities` as the engine sees it. */
export function toRunEntity(row: typeof runEntities.$inferSelect): RunEntity {
  return { ...row, status: row.status as RunEntity['status'], cursor: row.cursor as RunEntity['cursor'] };
}

async function findRun(database: Queries, id: string): Promise<Run | undefined> {
  const [row] = await database.select().from(runs).where(eq(runs.id, id));
  return row ? toRun(row) : undefined;
}

async function entitiesOf(database: Queries, runId: string, entity?: string): Promise<RunEntity[]> {
  const where =
    entity === undefined
      ? eq(runEntities.runId, runId)
      : and(eq(runEntities.runId, runId), eq(runEntities.entity, entity));
  const rows = await database.select().from(runEntities).where(where).orderBy(asc(runEntities.position));
  return rows.map(toRunEntity);
}

type EntityChange = Parameters<ReturnType<Queries['update']>['set']>[0];

async function updateExtraction(
  database: Queries,
  runId: string,
  entity: string,
  epoch: number | undefined,
  set: EntityChange,
): Promise<void> {
  const mine = [eq(runEntities.runId, runId), eq(runEntities.entity, entity)];
  if (epoch !== undefined) mine.push(eq(runEntities.epoch, epoch));
  await database
    .update(runEntities)
    .set(set)
    .where(and(...mine));
}

async function moveRun(database: Queries, id: string, to: RunStatus, reason: string | null): Promise<boolean> {
  const finished = ['completed', 'completed_with_failures', 'failed', 'cancelled'].includes(to);
  const moved = await database
    .update(runs)
    .set({
      status: to,
      reason,
      statusAt: sql`now()`,
      finishedAt: finished ? sql`now()` : null,
      ...(to === 'running' ? { startedAt: sql`coalesce(${runs.startedAt}, now())` } : {}),
    })
    .where(and(eq(runs.id, id), inArray(runs.status, [...statusesBefore(to)])));
  return moved.rowCount === 1;
}

async function countRecords(database: Queries, runId: string, entity?: string): Promise<StageCount[]> {
  const n = sql<number>`sum(${counts.n})::int`;
  const rows = await database
    .select({ entity: counts.entity, stage: counts.stage, status: counts.status, n })
    .from(counts)
    .where(and(eq(counts.runId, runId), entity === undefined ? undefined : eq(counts.entity, entity)))
    .groupBy(counts.entity, counts.stage, counts.status);
  return rows.filter((row) => row.n !== 0) as StageCount[];
}

// PostgreSQL's clock decides when something is due; with its own, a worker whose clock is wrong would retry never or at once.
const inFuture = (ms: number) => sql`now() + ${Math.round(ms)} * interval '1 millisecond'`;

type RecordRow = typeof records.$inferSelect;

/** A page of a run's records by ledger id. */
export async function listRecords(
  database: Database,
  runId: string,
  filter: RecordFilter & { limit: number },
): Promise<RecordView[]> {
  const wanted = [
    eq(records.runId, runId),
    filter.status === undefined ? undefined : eq(records.status, filter.status),
    filter.entity === undefined ? undefined : eq(records.entity, filter.entity),
    filter.cursor === undefined ? undefined : gt(records.id, BigInt(filter.cursor)),
  ];
  const rows = await database
    .select()
    .from(records)
    .where(and(...wanted))
    .orderBy(asc(records.id))
    .limit(filter.limit);
  return rows.map(toRecordView);
}

function toRecordView(row: RecordRow): RecordView {
  return {
    id: row.id.toString(),
    runId: row.runId,
    entity: row.entity,
    sourceId: row.sourceId,
    stage: row.stage as Stage,
    status: row.status as RecordStatus,
    code: row.code,
    field: row.field,
    message: row.message,
    targetId: row.targetId,
    blockedBy: row.blockedBy?.toString() ?? null,
    mergedInto: row.mergedInto?.toString() ?? null,
    attempts: row.attempts,
    updatedAt: row.updatedAt.toISOString(),
  };
}

export interface TunedRun {
  readonly batchSize: number;
  readonly batchTuning: BatchTuning;
}

/** Updates the measurements of a run with automatic batch size, serialized between processes; does nothing for a fixed size. */
export function updateBatchTuning(
  database: Database,
  runId: string,
  change: (before: TunedRun) => BatchTuning,
): Promise<void> {
  return withDatabaseErrors(
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

/** The samples of a run's progress, oldest first; the scheduler keeps two minutes of them. */
export function readSamples(database: Database, runId: string): Promise<ProgressSample[]> {
  const { at, done, total } = samples;
  return withDatabaseErrors(
    database.select({ at, done, total }).from(samples).where(eq(samples.runId, runId)).orderBy(asc(at)).execute(),
  );
}
