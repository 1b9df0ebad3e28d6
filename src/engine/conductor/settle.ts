import { DroverError } from '../../errors.ts';
import type { Conducted, ConductorDeps } from './conductor.ts';
import type { StageCount } from './ports.ts';

// Below this many settled records a share says nothing.
const enoughToJudge = 200;
// Longer than validation and reports take; a process that dies in between is followed by another after this.
const finishingLeaseMs = 60_000;
const sampleEveryMs = 1_000;
const sampledAt = new Map<string, number>();

/** Writes a progress sample, stops a run that goes wrong, and ends one whose every record is settled. */
export async function settle(
  deps: ConductorDeps,
  conducted: Conducted,
  finishing: Map<string, Promise<void>>,
): Promise<void> {
  const { run } = conducted;
  const counts = await deps.store.counts(run.id);
  await sample(deps, run.id, counts);
  assertFailureRate(run.maxFailurePercent, counts);
  const entities = await deps.store.entities(run.id);
  const reading = entities.some((entity) => entity.status === 'reading');
  if (reading || sum(counts, 'pending') > 0 || finishing.has(run.id)) return;
  if (!(await deps.store.claimFinishing(run.id, deps.name, finishingLeaseMs))) return;
  const work = deps
    .finishRun(run)
    .catch((error: unknown) => deps.log.error({ err: error, runId: run.id }, 'finishing the run failed; tried again'))
    .finally(() => finishing.delete(run.id));
  finishing.set(run.id, work);
}

async function sample(deps: ConductorDeps, runId: string, counts: readonly StageCount[]): Promise<void> {
  const now = Date.now();
  if (now - (sampledAt.get(runId) ?? 0) < sampleEveryMs) return;
  sampledAt.set(runId, now);
  const total = counts.reduce((all, count) => all + count.n, 0);
  await deps.store.sample(runId, total - sum(counts, 'pending'), total);
}

/** A wrong mapping rejects everything; it is better noticed after hundreds of records than after all of them. */
function assertFailureRate(maxPercent: number, counts: readonly StageCount[]): void {
  const bad = sum(counts, 'rejected') + sum(counts, 'failed');
  const settled = counts.reduce((all, count) => all + count.n, 0) - sum(counts, 'pending');
  if (settled < enoughToJudge || bad * 100 <= settled * maxPercent) return;
  throw new DroverError(
    'HIGH_FAILURE_RATE',
    `${bad} of ${settled} settled records were rejected or failed, more than ${maxPercent} %.`,
  );
}

function sum(counts: readonly StageCount[], status: StageCount['status']): number {
  return counts.filter((count) => count.status === status).reduce((all, count) => all + count.n, 0);
}
