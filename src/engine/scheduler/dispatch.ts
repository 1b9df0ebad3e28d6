import type pg from 'pg';
import { queryPrepared } from '../../../db/sql.ts';
import type { Stage } from '../../contract/record-status.ts';
import type { ExtractionJob, StageJob } from '../ledger/types.ts';
import { batchSizeOf } from '../stages/batch-size.ts';
import type { DueRecord, ScheduledRun, SchedulerDeps } from './types.ts';

// Downstream first: records near their end free slots for the others.
const dispatchOrder: readonly Stage[] = ['reconcile', 'load', 'transform', 'extract'];
const nextStage: Partial<Record<Stage, Stage>> = { extract: 'transform', transform: 'load', load: 'reconcile' };
// Per statement; the next tick follows at once while slots are free.
const maxRecordsPerClaim = 5_000;

/**
 * Dispatches due records and extractions, as far as the queues' windows allow. Records are marked and committed first and
 * put on the queues after: those lost in between are found by the sweep. Returns true when a window was filled.
 */
export async function dispatchDueWork(deps: SchedulerDeps, scheduled: readonly ScheduledRun[]): Promise<boolean> {
  const running = scheduled.filter(({ run }) => run.status === 'running');
  for (const one of running) {
    const extractions = await claimDueExtractions(
      deps.database.$client,
      one.run.id,
      await entitiesWaitingForParents(deps, one),
    );
    if (extractions.length > 0) await deps.dispatcher.dispatchExtractions(extractions);
  }
  let filled = false;
  for (const stage of dispatchOrder) {
    if (isNextStageCongested(deps, stage)) continue;
    filled = (await dispatchStage(deps, stage, running)) || filled;
  }
  return filled;
}

/**
 * Entities whose source reads rows that other entities load, while those are not loaded. The counts may be a moment old;
 * the extraction checks again before it reads.
 */
async function entitiesWaitingForParents(
  deps: SchedulerDeps,
  { run, plan, counts }: ScheduledRun,
): Promise<readonly string[]> {
  const readers = Object.entries(plan.entities).filter(([, { readsAfter = [] }]) => readsAfter.length > 0);
  if (readers.length === 0) return [];
  const entities = new Map((await deps.runs.entities(run.id)).map((entity) => [entity.entity, entity]));
  const isLoading = (parent: string): boolean =>
    entities.get(parent)?.status === 'reading' ||
    counts.some(
      ({ entity, stage, status, n }) => entity === parent && status === 'pending' && stage !== 'reconcile' && n > 0,
    );
  return readers.filter(([, { readsAfter = [] }]) => readsAfter.some(isLoading)).map(([name]) => name);
}

/**
 * True while the next stage's window is more than half full: records dispatched now would find no free slot there, return
 * to the ledger, and have to be dispatched a second time.
 */
function isNextStageCongested(deps: SchedulerDeps, stage: Stage): boolean {
  const next = nextStage[stage];
  return next !== undefined && deps.dispatcher.fillRatio(next) > 0.5;
}

async function dispatchStage(deps: SchedulerDeps, stage: Stage, running: readonly ScheduledRun[]): Promise<boolean> {
  const waiting = running.flatMap((one) =>
    one.counts
      .filter((count) => count.stage === stage && count.status === 'pending' && count.n > 0)
      .map((count) => ({ scheduled: one, entity: count.entity })),
  );
  let filled = false;
  for (const [index, { scheduled, entity }] of waiting.entries()) {
    if (stage === 'load' && !(await isLoadOpen(deps, scheduled, entity))) continue;
    // Shared evenly: a run of a million records must not delay one of a hundred.
    const slots = Math.ceil(deps.dispatcher.freeSlots(stage) / (waiting.length - index));
    if (slots <= 0) continue;
    const limit = Math.min(maxRecordsPerClaim, slots * batchSizeOf(scheduled.run, stage));
    const due = await claimDueRecords(deps.database.$client, scheduled.run.id, entity, stage, limit);
    await dispatchRecords(deps, scheduled, stage, due);
    filled ||= due.length === limit;
  }
  return filled;
}

async function isLoadOpen(deps: SchedulerDeps, { run }: ScheduledRun, entity: string): Promise<boolean> {
  const entities = await deps.runs.entities(run.id);
  return entities.some((one) => one.entity === entity && one.loadOpen);
}

async function dispatchRecords(
  deps: SchedulerDeps,
  { run }: ScheduledRun,
  stage: Stage,
  due: readonly DueRecord[],
): Promise<void> {
  if (due.length === 0) return;
  try {
    await deps.dispatcher.dispatch(createJobs(run.id, stage, batchSizeOf(run, stage), due));
  } catch (error) {
    // It is unknown which jobs arrived; the records are dispatched again under a new epoch, so it does not matter.
    await deps.ledger.release(due);
    throw error;
  }
}

function createJobs(runId: string, stage: Stage, batchSize: number, due: readonly DueRecord[]): StageJob[] {
  const jobs: StageJob[] = [];
  const ref = ({ id, epoch }: DueRecord) => ({ id, epoch });
  // Records that failed before get a job each, so that they do not delay others.
  const failedBefore = (one: DueRecord): boolean => one.attempts > 0 || one.suspect;
  for (const record of due.filter(failedBefore)) {
    jobs.push({ stage, runId, refs: [ref(record)], ...(record.suspect ? { suspect: true } : {}) });
  }
  const others = due.filter((one) => !failedBefore(one));
  for (let at = 0; at < others.length; at += batchSize) {
    jobs.push({ stage, runId, refs: others.slice(at, at + batchSize).map(ref) });
  }
  return jobs;
}

// A scheduler that resumed after a pause of its process, or read the run just before it was asked to stop, dispatches nothing.
const runIsRunningSql = "EXISTS (SELECT FROM drover.runs WHERE id = $1 AND status = 'running')";

// SKIP LOCKED: a record whose outcome is being written is not due. Neither is one under a lease: the claim of the next worker
// would be refused, and the record would wait for the sweep.
const claimRecordsSql = `
WITH due AS (
  SELECT id FROM drover.records
  WHERE run_id = $1 AND entity = $2 AND stage = $3 AND status = 'pending' AND dispatched_at IS NULL AND due_at <= now()
    AND (lease_until IS NULL OR lease_until < now()) AND ${runIsRunningSql}
  ORDER BY due_at, id LIMIT $4 FOR UPDATE SKIP LOCKED
)
UPDATE drover.records r SET dispatched_at = now(), epoch = r.epoch + 1 FROM due WHERE r.id = due.id
RETURNING r.id::text AS id, r.epoch, r.attempts, coalesce(r.code = 'WORKER_LOST', false) AS suspect`;

/** Marks due records of one entity at one stage as dispatched, under a new epoch; the caller must put them on a queue. */
export function claimDueRecords(
  pool: pg.Pool,
  runId: string,
  entity: string,
  stage: Stage,
  limit: number,
): Promise<DueRecord[]> {
  return queryPrepared<{ id: string; epoch: number; attempts: number; suspect: boolean }>(
    pool,
    'take_due',
    claimRecordsSql,
    [runId, entity, stage, limit],
  );
}

const claimExtractionsSql = `
WITH due AS (
  SELECT entity FROM drover.run_entities
  WHERE run_id = $1 AND status = 'reading' AND dispatched_at IS NULL AND due_at <= now() AND entity <> ALL ($2::text[])
    AND ${runIsRunningSql}
  FOR UPDATE SKIP LOCKED
)
UPDATE drover.run_entities e SET dispatched_at = now(), epoch = epoch + 1 FROM due
WHERE e.run_id = $1 AND e.entity = due.entity
RETURNING e.run_id, e.entity, e.epoch`;

/** Marks the due extractions of a run as dispatched, except those of the excluded entities. */
export async function claimDueExtractions(
  pool: pg.Pool,
  runId: string,
  excludedEntities: readonly string[],
): Promise<ExtractionJob[]> {
  const rows = await queryPrepared<{ run_id: string; entity: string; epoch: number }>(
    pool,
    'take_due_x',
    claimExtractionsSql,
    [runId, excludedEntities],
  );
  return rows.map((row) => ({ runId: row.run_id, entity: row.entity, epoch: row.epoch }));
}
