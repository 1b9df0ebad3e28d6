import type { Random } from '../../core/random.ts';
import type { Outcome, ProductDraft } from './draft.ts';
import type { StripeNaming } from './product-draft.ts';

/** What a trap may look at besides its product. */
export interface TrapContext {
  readonly random: Random;
  readonly naming: StripeNaming;
  /** An ordinary product beside it. */
  readonly neighbour: ProductDraft;
}

/** One way in which products are dirty. */
export interface Trap {
  /** How many of a thousand products carry it; at least one does. */
  readonly perThousand: number;
  /** With a code the product must not be moved; without one it must. */
  readonly code?: string;
  readonly outcome?: Outcome;
  readonly appliesTo?: (draft: ProductDraft) => boolean;
  /** Spoils the product. Returns what the spoiled value means, where a mover has to work it out. */
  readonly apply: (draft: ProductDraft, around: TrapContext) => string | undefined;
}

export type Traps = Readonly<Record<string, Trap>>;

/** Lays traps, no two in one product: so what becomes of it has one reason. `density` 0 lays none. */
export function applyTraps(
  drafts: readonly ProductDraft[],
  traps: Traps,
  density: number,
  random: Random,
  naming: StripeNaming,
) {
  const free = random.shuffle(drafts.filter(({ marks }) => marks.length === 0));
  const neighbours = free.splice(0, Math.ceil(free.length / 3));
  const [lonely] = neighbours;
  if (density === 0 || lonely === undefined) return;
  for (const [name, trap] of Object.entries(traps)) {
    const wanted = Math.max(1, Math.round((drafts.length * trap.perThousand * density) / 1000));
    for (let i = 0; i < wanted; i++) {
      const at = free.findIndex((draft) => trap.appliesTo?.(draft) !== false);
      const [draft] = at === -1 ? [] : free.splice(at, 1);
      if (draft === undefined) break;
      applyTrap(name, trap, draft, { random, naming, neighbour: neighbours[i % neighbours.length] ?? lonely });
    }
  }
}

function applyTrap(name: string, trap: Trap, draft: ProductDraft, around: TrapContext): void {
  const means = trap.apply(draft, around);
  draft.marks.push(means === undefined ? { trap: name } : { trap: name, means });
  if (trap.code !== undefined) draft.verdict = { outcome: trap.outcome ?? 'rejected', code: trap.code };
}
