import { DroverError } from '../../errors.ts';
import type { Plan } from '../../plan/contract.ts';
import type { SumLine } from '../control/contract.ts';
import type { Run } from '../ports.ts';
import { finishedStatuses } from '../run-status.ts';
import type { ValidationLedger } from './ports.ts';
import { createSingleFlight } from './single-flight.ts';
import { computeSums, type SumsDeps } from './sums.ts';

interface CachedSums {
  /** What the run was; another status asks for new sums. */
  readonly state: string;
  readonly at: number;
  readonly tookMs: number;
  readonly lines: readonly SumLine[];
}

const maxAgeMs = 1_000;
// Adding up may take this share of the time at most: sums of a million records are looked at less often.
const ageToCostRatio = 20;
// Lines of a moving run that are older than this and their share are not shown while new ones are made.
const maxStaleMs = 10_000;
const maxCachedRuns = 500;

export type GetSums = (run: Run, plan: Plan, entities: readonly string[]) => Promise<readonly SumLine[]>;

export interface SumCacheDeps extends SumsDeps {
  readonly ledger: Pick<ValidationLedger, 'money' | 'writtenSums'>;
}

/**
 * Sums for whoever asks often: dashboards ask for a run five times a second, lists for fifty runs at once, and adding up
 * reads every record. Sums are a second old before they are made anew, cost no more than a twentieth of the time, and
 * are made while the last ones are shown; a run that has ended begins with those of its report. While a target does not
 * answer, the last sums stand, or none: the rest of a run's view must not be lost with them.
 */
export function createSumCache(deps: SumCacheDeps, now: () => number = Date.now): GetSums {
  const kept = createCacheEntries(now);
  const once = createSingleFlight<readonly SumLine[]>();
  let behind: Promise<unknown> = Promise.resolve();

  async function make(run: Run, plan: Plan, entities: readonly string[]): Promise<readonly SumLine[]> {
    const began = now();
    const lines = await computeSums(ignoreMissingTables(deps), run, plan, entities);
    return kept.keep(run, now() - began, lines);
  }

  async function first(run: Run, plan: Plan, entities: readonly string[]): Promise<readonly SumLine[]> {
    const written = hasEnded(run) && run.rolledBackAt === null ? await deps.ledger.writtenSums(run.id) : undefined;
    return written ? kept.keep(run, 0, written) : make(run, plan, entities);
  }

  return (run, plan, entities) => {
    const last = kept.of(run);
    const asked = (work: () => Promise<readonly SumLine[]>) =>
      once(`${run.id} ${stateKey(run)}`, () => work().catch(() => kept.of(run)?.lines ?? []));
    if (!last || last.state !== stateKey(run)) return asked(() => first(run, plan, entities));
    const age = now() - last.at;
    const mayAge = Math.max(maxAgeMs, ageToCostRatio * last.tookMs);
    if (age < mayAge) return Promise.resolve(last.lines);
    if (age >= mayAge + maxStaleMs && !hasEnded(run)) return asked(() => make(run, plan, entities));
    // One run after the other: nobody waits for these, and those who ask for something else must not wait for them.
    const before = behind;
    behind = asked(() => before.then(() => make(run, plan, entities)));
    return Promise.resolve(last.lines);
  };
}

/** The last sums of each run, of the runs looked at last. */
function createCacheEntries(now: () => number) {
  const all = new Map<string, CachedSums>();
  return {
    of: (run: Run): CachedSums | undefined => all.get(run.id),
    keep(run: Run, tookMs: number, lines: readonly SumLine[]): readonly SumLine[] {
      all.delete(run.id);
      all.set(run.id, { state: stateKey(run), at: now(), tookMs, lines });
      if (all.size > maxCachedRuns) all.delete(all.keys().next().value as string);
      return lines;
    },
  };
}

const stateKey = (run: Run): string =>
  `${run.status} ${run.statusAt.getTime()} ${run.rolledBackAt === null ? '' : 'rolled back'}`;

const hasEnded = (run: Run): boolean => finishedStatuses.includes(run.status);

// A table that is not there holds no money.
function ignoreMissingTables(deps: SumsDeps): SumsDeps {
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
