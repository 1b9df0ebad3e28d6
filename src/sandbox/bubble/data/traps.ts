import type { Random } from '../../core/random.ts';
import { type Draft, isClean } from './draft.ts';

/** One way in which real records are dirty. */
export interface Trap<D extends Draft> {
  /** How many of a thousand records carry it; at least one does. */
  readonly perThousand: number;
  /** With a code the record must be rejected for it; without one it must still load. */
  readonly code?: string;
  /** Which records can carry it; all when absent. */
  readonly appliesTo?: (draft: D) => boolean;
  /** Spoils the record. Returns what the spoiled value means, where a mover has to work it out. */
  readonly apply: (draft: D, random: Random) => string | undefined;
}

export type Traps<D extends Draft> = Readonly<Record<string, Trap<D>>>;

/**
 * Lays traps in records that are still fit to load, no two of one table in the same record. So a record that must be
 * rejected has exactly one reason for it, and one field is never spoiled twice. `total` is what the thousandths are of.
 */
export function applyTraps<D extends Draft>(
  random: Random,
  drafts: readonly D[],
  traps: Traps<D>,
  density: number,
  total = drafts.length,
): void {
  const free = random.shuffle(drafts.filter(isClean));
  const used = new Set<D>();
  for (const [name, trap] of Object.entries(traps)) {
    let left = scaledCount(trap.perThousand, total, density);
    for (const draft of free) {
      if (left === 0) break;
      if (used.has(draft) || trap.appliesTo?.(draft) === false) continue;
      used.add(draft);
      left--;
      applyTrap(name, trap, draft, random);
    }
  }
}

/** How many of `total` records a share of a thousand makes: none without dirt, otherwise at least one. */
export function scaledCount(perThousand: number, total: number, density: number): number {
  return density === 0 || total === 0 ? 0 : Math.max(1, Math.round((total * perThousand * density) / 1000));
}

function applyTrap<D extends Draft>(name: string, trap: Trap<D>, draft: D, random: Random): void {
  const means = trap.apply(draft, random);
  draft.marks.push(means === undefined ? { trap: name } : { trap: name, means });
  if (trap.code !== undefined) draft.verdict = { outcome: 'rejected', code: trap.code };
}
