import { type Stage, stages } from '../../contract/record-status.ts';
import type { BatchTuning, Tuning } from '../../contract/runs.ts';

/** A finished job: how many records it carried, and how long they were in the worker's hands, in milliseconds. */
export interface MeasuredJob {
  readonly records: number;
  readonly ms: number;
}

export const batchBounds = { least: 1, most: 500 } as const;

/** Where a run that tunes itself begins: small enough for any stage, large enough to leave one record a job behind. */
export const firstBatchSize = 10;

/**
 * How long a job may hold its records, by stage. Little's law makes the batch of it: target × rate ÷ concurrency. Well
 * below the lock (30 s), so that what a dead worker held is little, and long enough that a hundred jobs of 500 fit in
 * at 25,000 records a second. `extract` fetches by id through limits of an upstream that are outside our hands.
 */
export const targetMs: Readonly<Record<Stage, number>> = {
  extract: 5_000,
  transform: 2_000,
  load: 2_000,
  reconcile: 2_000,
};

// GitLab's batch optimiser: smooth by 0.2, leave alone what is near the target, grow carefully. Its batches take
// minutes and grow by a fifth; ours take seconds, and a run may be over in a minute.
const smoothing = 0.2;
const toleratedEfficiency = { low: 0.9, high: 1.1 } as const;
const maxGrowth = 1.5;
const minEfficiency = 0.05;
// So many jobs of one size before it is judged: one may have met a checkpoint or a collection of garbage.
const minJobs = 5;

/** What a run's jobs of a stage carry now. */
export function batchSizeOf(run: { batchSize: number; batchTuning: BatchTuning | null }, stage: Stage): number {
  return run.batchTuning?.[stage]?.size ?? run.batchSize;
}

/** The same for every stage. */
export function batchSizesOf(run: { batchSize: number; batchTuning: BatchTuning | null }): Record<Stage, number> {
  return Object.fromEntries(stages.map((stage) => [stage, batchSizeOf(run, stage)])) as Record<Stage, number>;
}

/**
 * One finished job more. A size is judged by jobs that carried just as many records: those of an earlier size are still
 * in the queue when it changes, and would push it too far. Of others only what is certain counts: a smaller job that took
 * too long, a larger one that was quick.
 */
export function tune(before: Tuning, job: MeasuredJob, target: number): Tuning {
  // No outlier says more than the largest step that is taken for it.
  const efficiency = Math.min(maxGrowth, Math.max(minEfficiency, target / Math.max(job.ms, 1)));
  if (!isSignificant(before, job, efficiency)) return before;
  const weight = before.jobs === 0 ? 1 : smoothing;
  const heard: Tuning = {
    size: before.size,
    efficiency: before.efficiency + weight * (efficiency - before.efficiency),
    jobs: before.jobs + 1,
  };
  return heard.jobs < minJobs ? heard : resize(heard);
}

/** What is known of a run after these jobs of its stages. */
export function tuneStages(
  run: { readonly batchSize: number; readonly batchTuning: BatchTuning },
  measured: ReadonlyMap<Stage, readonly MeasuredJob[]>,
): BatchTuning {
  const tuned = [...measured].map(([stage, jobs]): [Stage, Tuning] => {
    const before = run.batchTuning[stage] ?? initialTuning(run.batchSize);
    return [stage, jobs.reduce((tuning, job) => tune(tuning, job, targetMs[stage]), before)];
  });
  return { ...run.batchTuning, ...Object.fromEntries(tuned) };
}

/** A size nothing was heard of yet. */
export function initialTuning(size: number): Tuning {
  return { size: clampSize(size), efficiency: 1, jobs: 0 };
}

function isSignificant({ size }: Tuning, { records }: MeasuredJob, efficiency: number): boolean {
  if (records < size) return efficiency < 1;
  return records === size || efficiency > 1;
}

function resize(heard: Tuning): Tuning {
  const { size, efficiency } = heard;
  if (efficiency >= toleratedEfficiency.low && efficiency <= toleratedEfficiency.high) return heard;
  const wanted = size * Math.min(maxGrowth, efficiency);
  const next = clampSize(efficiency > 1 ? Math.ceil(wanted) : Math.floor(wanted));
  return next === size ? heard : initialTuning(next);
}

function clampSize(size: number): number {
  return Math.min(batchBounds.most, Math.max(batchBounds.least, Math.round(size)));
}
