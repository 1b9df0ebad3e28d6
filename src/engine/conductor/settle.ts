import { setTimeout as sleep } from 'node:timers/promises';
import { DroverError } from '../../errors.ts';
import type { Run } from '../ports.ts';
import type { Conducted, ConductorDeps, ConductorMemory, StageCount } from './ports.ts';

// Below this many records a share says nothing.
const enoughToJudge = 200;
// A full disk or a broken rule does not mend itself between two ticks.
const finishPauseMs = 5_000;
const sampleEveryMs = 1_000;

/** Writes a progress sample, stops a run that goes wrong, and ends one whose every record is settled. */
export async function settle(
  deps: ConductorDeps,
  { run }: Conducted,
  { finishing, sampledAt }: ConductorMemory,
): Promise<void> {
  const counts = await deps.store.counts(run.id);
  await sample(deps, run.id, counts, sampledAt);
  assertFailureRate(run.maxFailurePercent, counts);
  const entities = await deps.store.entities(run.id);
  const reading = entities.some((entity) => entity.status === 'reading');
  if (reading || sum(counts, 'pending') > 0 || finishing.has(run.id)) return;
  if (!(await deps.store.claimFinishing(run.id, deps.name, deps.graceMs))) return;
  finishing.set(
    run.id,
    finish(deps, run).finally(() => finishing.delete(run.id)),
  );
}

/**
 * Validation and reports may take minutes. The lease is short and renewed while this process lives, so that one that is
 * killed over them is followed by another soon.
 */
async function finish(deps: ConductorDeps, run: Run): Promise<void> {
  const renew = (): void => {
    deps.store.claimFinishing(run.id, deps.name, deps.graceMs).catch(() => undefined);
  };
  const timer = setInterval(renew, deps.graceMs / 3);
  try {
    await deps.finishRun(run);
  } catch (error) {
    deps.log.error({ err: error, runId: run.id }, 'finishing the run failed; tried again');
    await sleep(finishPauseMs);
  } finally {
    clearInterval(timer);
  }
}

async function sample(
  deps: ConductorDeps,
  runId: string,
  counts: readonly StageCount[],
  sampledAt: Map<string, number>,
): Promise<void> {
  const now = Date.now();
  if (now - (sampledAt.get(runId) ?? 0) < sampleEveryMs) return;
  sampledAt.set(runId, now);
  const all = total(counts);
  await deps.store.sample(runId, all - sum(counts, 'pending'), all);
}

/**
 * A wrong mapping rejects everything; it is better noticed after hundreds of records than after all of them. Judged by
 * the records that have passed their transform: what only waits for its load is no failure, and no success is counted
 * until a whole entity may load.
 */
function assertFailureRate(maxPercent: number, counts: readonly StageCount[]): void {
  const bad = sum(counts, 'rejected') + sum(counts, 'failed');
  const untried = counts.filter(
    ({ status, stage }) => status === 'pending' && (stage === 'extract' || stage === 'transform'),
  );
  const tried = total(counts) - total(untried);
  if (tried < enoughToJudge || bad * 100 <= tried * maxPercent) return;
  throw new DroverError(
    'HIGH_FAILURE_RATE',
    `${bad} of ${tried} records were rejected or failed, more than ${maxPercent} %.`,
  );
}

function sum(counts: readonly StageCount[], status: StageCount['status']): number {
  return total(counts.filter((count) => count.status === status));
}

function total(counts: readonly StageCount[]): number {
  return counts.reduce((all, count) => all + count.n, 0);
}
