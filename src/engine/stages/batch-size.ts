import { type Stage, stages } from '../../contract/record-status.ts';
import type { BatchTuning, Tuning } from '../../contract/runs.ts';

/** A finished job: how many records it carried, and how long the worker took, in milliseconds. */
export interface MeasuredJob {
  readonly records: number;
  readonly ms: number;
}

export const batchBounds = { least: 1, most: 500 } as const;

/** The first size of an automatic batch size: small enough for any stage, and well above one record a job. */
export const firstBatchSize = 10;

/**
 * How long a job should take, by stage, in milliseconds. By Little's law the batch is target × rate ÷ concurrency. Well
 * below the lock duration (30 s), so that a lost worker holds few records, and long enough that a hundred jobs of 500 fit
 * at 25,000 records a second. `extract` fetches by id under the rate limits of an upstream.
 */
export const targetMs: Readonly<Record<Stage, number>> = {
  extract: 5_000,
  transform: 2_000,
  load: 2_000,
  reconcile: 2_000,
};

// As GitLab's batch optimiser: smooth by 0.2, change nothing near the target, grow carefully. Its batches take minutes
// and grow by a fifth; ours take seconds, and a run may be over in a minute.
const smoothing = 0.2;
const toleratedEfficiency = { low: 0.9, high: 1.1 } as const;
const maxGrowth = 1.5;
const minEfficiency = 0.05;
// Jobs of one size before it is changed: a single one may have met a checkpoint or a garbage collection.
const minJobs = 5;

/** The current number of records a job of a stage. */
export function batchSizeOf(run: { batchSize: number; batchTuning: BatchTuning | null }, stage: Stage): number {
  return run.batchTuning?.[stage]?.size ?? run.batchSize;
}

/** The current batch size of every stage. */
export function batchSizesOf(run: { batchSize: number; batchTuning: BatchTuning | null }): Record<Stage, number> {
  return Object.fromEntries(stages.map((stage) => [stage, batchSizeOf(run, stage)])) as Record<Stage, number>;
}

/**
 * Adds one finished job to the tuning. A size is rated by jobs with exactly that many records: jobs of an earlier size
 * are still queued when it changes, and would push it too far. Of other jobs only certain evidence counts: a smaller job
 * that took too long, a larger one that was fast.
 */
export function tune(before: Tuning, job: MeasuredJob, target: number): Tuning {
  // An outlier counts no more than the largest step it could cause.
  const efficiency = Math.min(maxGrowth, Math.max(minEfficiency, target / Math.max(job.ms, 1)));
  if (!isSignificant(before, job, efficiency)) return before;
  const weight = before.jobs === 0 ? 1 : smoothing;
  const updated: Tuning = {
    size: before.size,
    efficiency: before.efficiency + weight * (efficiency - before.efficiency),
    jobs: before.jobs + 1,
  };
  return updated.jobs < minJobs ? updated : resize(updated);
}

/** The tuning of a run after these jobs of its stages. */
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

/** A size without measurements. */
export function initialTuning(size: number): Tuning {
  return { size: clampSize(size), efficiency: 1, jobs: 0 };
}

function isSignificant({ size }: Tuning, { records }: MeasuredJob, efficiency: number): boolean {
  if (records < size) return efficiency < 1;
  return records === size || efficiency > 1;
}

function resize(updated: Tuning): Tuning {
  const { size, efficiency } = updated;
  if (efficiency >= toleratedEfficiency.low && efficiency <= toleratedEfficiency.high) return updated;
  const wanted = size * Math.min(maxGrowth, efficiency);
  const next = clampSize(efficiency > 1 ? Math.ceil(wanted) : Math.floor(wanted));
  return next === size ? updated : initialTuning(next);
}

function clampSize(size: number): number {
  return Math.min(batchBounds.most, Math.max(batchBounds.least, Math.round(size)));
}
