import { DroverError } from '../../errors.ts';
import type { Plan } from '../../plan/contract.ts';
import type { SumLine } from '../control/contract.ts';
import type { Run } from '../ports.ts';
import { type SumsDeps, sumsOf } from './sums.ts';

interface Kept {
  /** What the run was; another status asks for new sums. */
  readonly state: string;
  readonly at: number;
  readonly tookMs: number;
  readonly lines: readonly SumLine[];
}

const freshMs = 1_000;
// Adding up may take this share of the time at most: sums of a million records are looked at less often.
const share = 20;
// Lines older than this and their share are not shown while new ones are made.
const oldestMs = 10_000;
const mostRuns = 200;

export type Sums = (run: Run, plan: Plan, entities: readonly string[]) => Promise<readonly SumLine[]>;

/**
 * Sums for whoever asks often: dashboards ask for a run five times a second, and adding up reads every record. Sums
 * are at least a second old at most, and cost no more than a twentieth of the time. While a target does not answer,
 * the last sums stand, or none: the rest of a run's view must not be lost with them.
 */
export function createSums(deps: SumsDeps, now: () => number = Date.now): Sums {
  const kept = new Map<string, Kept>();
  const making = new Map<string, Promise<readonly SumLine[]>>();

  async function make(run: Run, plan: Plan, entities: readonly string[]): Promise<readonly SumLine[]> {
    const began = now();
    const lines = await sumsOf(tolerant(deps), run, plan, entities);
    kept.delete(run.id);
    kept.set(run.id, { state: stateOf(run), at: now(), tookMs: now() - began, lines });
    if (kept.size > mostRuns) kept.delete(kept.keys().next().value as string);
    return lines;
  }

  function refresh(run: Run, plan: Plan, entities: readonly string[]): Promise<readonly SumLine[]> {
    const key = `${run.id} ${stateOf(run)}`;
    const busy = making.get(key);
    if (busy) return busy;
    const made = make(run, plan, entities)
      .catch(() => kept.get(run.id)?.lines ?? [])
      .finally(() => making.delete(key));
    making.set(key, made);
    return made;
  }

  return async (run, plan, entities) => {
    const last = kept.get(run.id);
    if (!last || last.state !== stateOf(run)) return refresh(run, plan, entities);
    const age = now() - last.at;
    const mayAge = Math.max(freshMs, share * last.tookMs);
    if (age < mayAge) return last.lines;
    const made = refresh(run, plan, entities);
    return age < mayAge + oldestMs ? last.lines : made;
  };
}

const stateOf = (run: Run): string =>
  `${run.status} ${run.statusAt.getTime()} ${run.rolledBackAt === null ? '' : 'rolled back'}`;

// A table that is not there holds no money.
function tolerant(deps: SumsDeps): SumsDeps {
  return {
    ...deps,
    target: {
      sums: async (place, money, records) => {
        try {
          return await deps.target.sums(place, money, records);
        } catch (thrown) {
          if (thrown instanceof DroverError && thrown.code === 'TARGET_SCHEMA') return [];
          throw thrown;
        }
      },
    },
  };
}
