import type { EntityCounts, EntityProgress } from '../control/contract.ts';
import { recordStatuses } from '../record-status.ts';

/** I1: every record that was extracted is somewhere, and nowhere is less than nothing. */
export function isAccounted(counts: EntityCounts): boolean {
  const settled = recordStatuses.reduce((all, status) => all + counts[status], 0);
  return counts.extracted === settled && recordStatuses.every((status) => counts[status] >= 0);
}

/**
 * True when the extraction gave all that its source says it holds. One that still reads is not judged yet; one that
 * failed has not.
 */
export function isComplete(progress: EntityProgress): boolean {
  if (progress.extraction === 'reading') return true;
  if (progress.extraction === 'failed') return false;
  return progress.sourceTotal === null || progress.extracted >= progress.sourceTotal;
}

/** I1 for every entity, and no source fell short. */
export function isBalanced(entities: Readonly<Record<string, EntityProgress>>): boolean {
  return Object.values(entities).every((progress) => isAccounted(progress) && isComplete(progress));
}
