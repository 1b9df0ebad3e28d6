import type { EntityProgress, RunView } from '../control/contract.ts';
import type { RunStatus } from '../run-status.ts';
import { perSecond, type Sample } from './rate.ts';

export interface ProgressInput {
  readonly status: RunStatus;
  readonly entities: Readonly<Record<string, EntityProgress>>;
  readonly samples: readonly Sample[];
  readonly now: Date;
}

/** Percent, rate and time left of a run. */
export function runProgress(input: ProgressInput): RunView['progress'] {
  const all = Object.values(input.entities);
  const done = all.reduce((sum, entity) => sum + entity.extracted - entity.pending, 0);
  const total = all.reduce((sum, entity) => sum + expectedTotal(entity), 0);
  const rate = input.status === 'running' ? perSecond(input.samples, input.now) : 0;
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

// No rate, or a source that does not say how much it holds: nobody knows.
function etaOf(left: number, rate: number, status: RunStatus, all: readonly EntityProgress[]): number | null {
  if (status !== 'running') return null;
  const unknown = all.some((entity) => entity.extraction !== 'done' && entity.sourceTotal === null);
  if (unknown) return null;
  if (left <= 0) return 0;
  return rate > 0 ? Math.ceil(left / rate) : null;
}
