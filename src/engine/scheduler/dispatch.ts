import type pg from 'pg';
import { queryPrepared } from '../../../db/sql.ts';
import type { Stage } from '../../contract/record-status.ts';
import type { ExtractionJob, StageJob } from '../ledger/types.ts';
import { batchSizeOf } from '../stages/batch-size.ts';
import type { DueRecord, ScheduledRun, SchedulerDeps } from './types.ts';

// Downstream first: what is nearly done makes room for what is not.
const dispatchOrder: readonly Stage[] = ['reconcile', 'load', 'transform', 'extract'];
const nextStage: Partial<Record<Stage, Stage>> = { extract: 'transform', transform: 'load', load: 'reconcile' };
// One statement's worth; the next tick follows at once while there is room.
const maxRecordsPerClaim = 5_000;

/**
 * Gives out what is due, as far as the queues' windows allow. Records are marked and committed first and put on the
 * queues after: what is lost in between is found again by its age. Answers true when a window was filled.
 */
export async function dispatchDueWork(deps: SchedulerDeps, conducted: readonly ScheduledRun[]): Promise<boolean> {
  const running = conducted.filter(({ run }) => run.status === 'running');
  for (const one of running) {
    const extractions = await deps.store.claimDueExtractions(one.run.id, await entitiesWaitingForParents(deps, one));
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
 * Entities that read what others load, while those are not loaded. What is known here may be a moment old; the extraction
 * looks again before it reads.
 */
async function entitiesWaitingForParents(
  deps: SchedulerDeps,
  { run, plan, counts }: ScheduledRun,
): Promise<readonly string[]> {
  const readers = Object.entries(plan.entities).filter(([, { readsAfter = [] }]) => readsAfter.length > 0);
  if (readers.length === 0) return [];
  const entities = new Map((await deps.store.entities(run.id)).map((entity) => [entity.entity, entity]));
  const moves = (parent: string): boolean =>
    entities.get(parent)?.status === 'reading' ||
    counts.some(
      ({ entity, stage, status, n }) => entity === parent && status === 'pending' && stage !== 'reconcile' && n > 0,
    );
  return readers.filter(([, { readsAfter = [] }]) => readsAfter.some(moves)).map(([name]) => name);
}

/**
 * True while the stage after this one has more than half a window: what is given out now would find no room there, go
 * back to the ledger, and have to be given out a second time.
 */
function isNextStageCongested(deps: SchedulerDeps, stage: Stage): boolean {
  const next = nextStage[stage];
  return next !== undefined && deps.dispatcher.fillRatio(next) > 0.5;
}

async function dispatchStage(deps: SchedulerDeps, stage: Stage, running: readonly ScheduledRun[]): Promise<boolean> {
  const waiting = running.flatMap((one) =>
    one.counts
      .filter((count) => count.stage === stage && count.status === 'pending' && count.n > 0)
      .map((count) => ({ conducted: one, entity: count.entity })),
  );
  let filled = false;
  for (const [index, { conducted, entity }] of waiting.entries()) {
    if (stage === 'load' && !(await isLoadOpen(deps, conducted, entity))) continue;
    // Shared evenly: a run of a million records must not keep one of a hundred waiting.
    const room = Math.ceil(deps.dispatcher.freeSlots(stage) / (waiting.length - index));
    if (room <= 0) continue;
    const limit = Math.min(maxRecordsPerClaim, room * batchSizeOf(conducted.run, stage));
    const due = await deps.store.claimDueRecords(conducted.run.id, entity, stage, limit);
    await dispatchRecords(deps, conducted, stage, due);
    filled ||= due.length === limit;
  }
  return filled;
}

async function isLoadOpen(deps: SchedulerDeps, { run }: ScheduledRun, entity: string): Promise<boolean> {
  const entities = await deps.store.entities(run.id);
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
    // Nobody knows which of them arrived; a new epoch for all makes the question idle.
    await deps.ledger.release(due);
    throw error;
  }
}

function createJobs(runId: string, stage: Stage, batchSize: number, due: readonly DueRecord[]): StageJob[] {
  const jobs: StageJob[] = [];
  const ref = ({ id, epoch }: DueRecord) => ({ id, epoch });
  // What failed before travels alone, so that it neither holds others back nor hides among them.
  const marked = (one: DueRecord): boolean => one.attempts > 0 || one.suspect;
  for (const record of due.filter(marked)) {
    jobs.push({ stage, runId, refs: [ref(record)], ...(record.suspect ? { suspect: true } : {}) });
  }
  const fresh = due.filter((one) => !marked(one));
  for (let at = 0; at < fresh.length; at += batchSize) {
    jobs.push({ stage, runId, refs: fresh.slice(at, at + batchSize).map(ref) });
  }
  return jobs;
}

// A conductor that slept, or read the run a moment before it was asked to stop, gives nothing out of it.
const runIsRunningSql = "EXISTS (SELECT FROM drover.runs WHERE id = $1 AND status = 'running')";

// SKIP LOCKED: a record a worker is finishing at this moment is not due. Nor is one under a lease: whoever got it would be
// turned away, and it would lie until the sweep.
const claimRecordsSql = `
WITH due AS (
  SELECT id FROM drover.records
  WHERE run_id = $1 AND entity = $2 AND stage = $3 AND status = 'pending' AND dispatched_at IS NULL AND due_at <= now()
    AND (lease_until IS NULL OR lease_until < now()) AND ${runIsRunningSql}
  ORDER BY due_at, id LIMIT $4 FOR UPDATE SKIP LOCKED
)
UPDATE drover.records r SET dispatched_at = now(), epoch = r.epoch + 1 FROM due WHERE r.id = due.id
RETURNING r.id::text AS id, r.epoch, r.attempts, coalesce(r.code = 'WORKER_LOST', false) AS suspect`;

/** Gives out due records of one entity at one stage. */
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

/** Gives out the extractions of a run that are due, but for those of some entities. */
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
