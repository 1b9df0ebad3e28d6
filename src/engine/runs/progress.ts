import { recordStatuses, type Stage, stages } from '../../contract/record-status.ts';
import type { RunStatus } from '../../contract/run-status.ts';
import type { EntityCounts, EntityProgress, RunView } from '../../contract/runs.ts';
import type { RunEntity, StageCount } from '../ledger/types.ts';

export interface ProgressInput {
  readonly status: RunStatus;
  readonly entities: Readonly<Record<string, EntityProgress>>;
  readonly samples: readonly ProgressSample[];
  readonly now: Date;
}

/** Percent, rate and time left of a run. */
export function runProgress(input: ProgressInput): RunView['progress'] {
  const all = Object.values(input.entities);
  const done = all.reduce((sum, entity) => sum + entity.extracted - entity.pending, 0);
  const total = all.reduce((sum, entity) => sum + expectedTotal(entity), 0);
  const rate = input.status === 'running' ? recordsPerSecond(input.samples, input.now) : 0;
  return {
    percent: percentOf(done, total, all),
    perSecond: rate,
    etaSeconds: etaOf(total - done, rate, input.status, all),
  };
}

/** How many records the entity will have: what its source says while it is read, then what it gave. */
export function expectedTotal(entity: EntityProgress): number {
  if (entity.extraction === 'done') return entity.extracted;
  return Math.max(entity.extracted, entity.sourceTotal ?? 0);
}

// Rounded down: 100 % is said when it is true. A source that is still read may always hold one more.
function percentOf(done: number, total: number, all: readonly EntityProgress[]): number {
  const finished = all.length > 0 && all.every((entity) => entity.extraction === 'done' && entity.pending === 0);
  if (finished) return 100;
  if (total === 0) return 0;
  return Math.max(0, Math.min(99.9, Math.floor((done * 1_000) / total) / 10));
}

// No rate, or a source that does not say how much it holds: unknown.
function etaOf(left: number, rate: number, status: RunStatus, all: readonly EntityProgress[]): number | null {
  if (status !== 'running') return null;
  const unknown = all.some((entity) => entity.extraction !== 'done' && entity.sourceTotal === null);
  if (unknown) return null;
  if (left <= 0) return 0;
  return rate > 0 ? Math.ceil(left / rate) : null;
}

/** How many records of a run were settled at a moment, of how many. */
export interface ProgressSample {
  readonly at: Date;
  readonly done: number;
  readonly total: number;
}

// Long enough to level out batches that land together, short enough to show a slowdown while it matters.
const windowMs = 30_000;
const minElapsedMs = 1_000;

/**
 * Records settled per second, lately. Only steps forward count: a replay takes records back, which is no negative
 * speed. The window ends now and not at the last sample, so the rate of a run that does not move falls to zero;
 * samples from before a pause are outside it.
 */
export function recordsPerSecond(samples: readonly ProgressSample[], now: Date): number {
  const since = now.getTime() - windowMs;
  const recent = samples
    .filter((sample) => sample.at.getTime() >= since && sample.at.getTime() <= now.getTime())
    .sort((a, b) => a.at.getTime() - b.at.getTime());
  const [first] = recent;
  if (!first) return 0;
  const elapsedMs = now.getTime() - first.at.getTime();
  if (elapsedMs < minElapsedMs) return 0;
  let done = 0;
  for (const [index, sample] of recent.entries()) {
    const before = recent[index - 1];
    if (before) done += Math.max(0, sample.done - before.done);
  }
  return Math.round((done * 10_000) / elapsedMs) / 10;
}

/** Records of one entity by status; `counts` may hold other entities too. */
export function entityCounts(entity: string, counts: readonly StageCount[]): EntityCounts {
  const mine = counts.filter((count) => count.entity === entity);
  const byStatus = Object.fromEntries(
    recordStatuses.map((status) => [status, totalCount(mine.filter((count) => count.status === status))]),
  ) as Omit<EntityCounts, 'extracted'>;
  return { extracted: totalCount(mine), ...byStatus };
}

/** How far one entity of a run is. */
export function entityProgress(entity: RunEntity, counts: readonly StageCount[]): EntityProgress {
  return {
    ...entityCounts(entity.entity, counts),
    sourceTotal: entity.sourceTotal,
    repeated: entity.repeated,
    extraction: entity.status,
    waiting: pendingByStage(entity.entity, counts),
  };
}

function pendingByStage(entity: string, counts: readonly StageCount[]): Readonly<Record<Stage, number>> {
  const pending = counts.filter((count) => count.entity === entity && count.status === 'pending');
  return Object.fromEntries(
    stages.map((stage) => [stage, totalCount(pending.filter((count) => count.stage === stage))]),
  ) as Record<Stage, number>;
}

const totalCount = (counts: readonly StageCount[]): number => counts.reduce((all, count) => all + count.n, 0);

/** I1: every record that was extracted is somewhere, and nowhere is less than nothing. */
export function countsAddUp(counts: EntityCounts): boolean {
  const settled = recordStatuses.reduce((all, status) => all + counts[status], 0);
  return counts.extracted === settled && recordStatuses.every((status) => counts[status] >= 0);
}

/**
 * True when the extraction gave all that its source says it holds. True while it still reads; false
 * when it failed.
 */
export function readWholeSource(progress: EntityProgress): boolean {
  if (progress.extraction === 'reading') return true;
  if (progress.extraction === 'failed') return false;
  return progress.sourceTotal === null || progress.extracted >= progress.sourceTotal;
}

/** I1 for every entity, and no source fell short. */
export function isBalanced(entities: Readonly<Record<string, EntityProgress>>): boolean {
  return Object.values(entities).every((progress) => countsAddUp(progress) && readWholeSource(progress));
}
