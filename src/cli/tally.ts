import type { EntityProgress, RunView } from './answers.ts';

/** A run in four numbers: of `total` records `done` are settled, some well, some not. */
export interface RunTotals {
  readonly total: number;
  readonly done: number;
  readonly success: number;
  readonly failed: number;
}

/** Adds up the entities of a run. */
export function runTotals(run: Pick<RunView, 'entities'>): RunTotals {
  const entities = Object.values(run.entities);
  const sum = (of: (entity: EntityProgress) => number): number => entities.reduce((all, one) => all + of(one), 0);
  const success = sum((one) => one.reconciled + one.skipped);
  const failed = sum((one) => one.rejected + one.failed + one.blocked + one.mismatched);
  return { total: sum(expectedTotal), done: success + failed, success, failed };
}

/** While an entity is being read, what its source says it holds; what was read, as soon as that is all of it. */
function expectedTotal(entity: EntityProgress): number {
  return entity.extraction === 'done' ? entity.extracted : Math.max(entity.extracted, entity.sourceTotal ?? 0);
}
