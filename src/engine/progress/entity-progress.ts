import type { StageCount } from '../conductor/ports.ts';
import type { EntityCounts, EntityProgress } from '../control/contract.ts';
import type { RunEntity } from '../ports.ts';
import { recordStatuses, type Stage, stages } from '../record-status.ts';

/** Records of one entity by status; `counts` may hold other entities too. */
export function entityCounts(entity: string, counts: readonly StageCount[]): EntityCounts {
  const mine = counts.filter((count) => count.entity === entity);
  const byStatus = Object.fromEntries(
    recordStatuses.map((status) => [status, sum(mine.filter((count) => count.status === status))]),
  ) as Omit<EntityCounts, 'extracted'>;
  return { extracted: sum(mine), ...byStatus };
}

/** How far one entity of a run is. */
export function entityProgress(entity: RunEntity, counts: readonly StageCount[]): EntityProgress {
  return {
    ...entityCounts(entity.entity, counts),
    sourceTotal: entity.sourceTotal,
    repeated: entity.repeated,
    extraction: entity.status,
    waiting: waitingIn(entity.entity, counts),
  };
}

function waitingIn(entity: string, counts: readonly StageCount[]): Readonly<Record<Stage, number>> {
  const pending = counts.filter((count) => count.entity === entity && count.status === 'pending');
  return Object.fromEntries(
    stages.map((stage) => [stage, sum(pending.filter((count) => count.stage === stage))]),
  ) as Record<Stage, number>;
}

const sum = (counts: readonly StageCount[]): number => counts.reduce((all, count) => all + count.n, 0);
