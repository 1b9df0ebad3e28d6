import Big from 'big.js';
import { finishedStatuses } from '../../contract/run-status.ts';
import type { SumLine } from '../../contract/runs.ts';
import { DroverError } from '../../errors.ts';
import type { Column, Entity, Plan } from '../../plan/contract.ts';
import type { Run } from '../ledger/types.ts';
import { identityScope } from '../runs/context.ts';
import { pageSize } from './check.ts';
import type { ValidationLedger } from './ledger.sql.ts';
import type { ValidationTarget } from './target.sql.ts';
import type { MoneyColumns, MoneyPage, TargetTable } from './types.ts';

interface SumsDeps {
  readonly ledger: Pick<ValidationLedger, 'money'>;
  readonly target: Pick<ValidationTarget, 'sums'>;
}

/** Where the money of one entity is. */
export interface EntityMoney {
  readonly run: Run;
  readonly place: TargetTable;
  readonly money: MoneyColumns;
}

/** Sums by currency and status of every entity of the run that carries money, in the order of the entities. */
export async function computeSums(
  deps: SumsDeps,
  run: Run,
  plan: Plan,
  entities: readonly string[],
): Promise<readonly SumLine[]> {
  const lines: SumLine[] = [];
  for (const entity of entities) {
    const definition = plan.entities[entity];
    const money = definition && moneyColumns(definition);
    if (!definition || !money) continue;
    const scope = identityScope(run.plan, run.targetSchema);
    const place = { scope, entity, schema: run.targetSchema, table: definition.target.table };
    lines.push(...(await computeSumLines(deps, { run, place, money })));
  }
  return lines;
}

/** The columns of the entity that carry money. Integer columns hold minor units, others a decimal number of major units. */
export function moneyColumns(definition: Entity): MoneyColumns | undefined {
  const { money, target } = definition;
  if (!money) return undefined;
  const column: Column | undefined = target.columns[money.amount];
  return { ...money, minor: column?.type === 'bigint' || column?.type === 'integer' };
}

/**
 * Sums by currency and status of one entity, in minor units. One pass over the ledger, page by page; each record is read
 * once, so source = loaded + unloaded whatever changes meanwhile. What is loaded is summed again from the rows of the
 * target. `onPage` is called with each page of loaded records.
 */
export async function computeSumLines(
  deps: SumsDeps,
  { run, place, money }: EntityMoney,
  onPage?: (page: MoneyPage) => Promise<void>,
): Promise<readonly SumLine[]> {
  const lines = new Map<string, { currency: string; status: string; source: Big; unloaded: Big; target: Big }>();
  const lineOf = (currency: string, status: string) => {
    const key = JSON.stringify([currency, status]);
    const line = lines.get(key) ?? { currency, status, source: Big(0), unloaded: Big(0), target: Big(0) };
    lines.set(key, line);
    return line;
  };
  for (let after: string | null = ''; after !== null; ) {
    const page = await deps.ledger.money(run.id, place.entity, after, pageSize);
    for (const group of page.groups) {
      const line = lineOf(group.currency, group.status);
      line.source = line.source.plus(group.source);
      line.unloaded = line.unloaded.plus(run.rolledBackAt ? group.source : group.unloaded);
    }
    if (page.count > 0 && !run.rolledBackAt) {
      for (const sum of await deps.target.sums(place, money, page.records)) {
        const line = lineOf(sum.currency, sum.status);
        line.target = line.target.plus(sum.minor);
      }
      await onPage?.(page);
    }
    after = page.next;
  }
  return [...lines.values()].sort(byName).map((line) => ({
    entity: place.entity,
    currency: line.currency,
    status: line.status,
    source: line.source.toFixed(),
    target: line.target.toFixed(),
    unloaded: line.unloaded.toFixed(),
  }));
}

/** True when the source equals the target plus what was not loaded, to the minor unit. */
export function sumsAgree(line: SumLine): boolean {
  return Big(line.source).eq(Big(line.target).plus(line.unloaded));
}

function byName(a: { currency: string; status: string }, b: { currency: string; status: string }): number {
  const [left, right] = [`${a.currency} ${a.status}`, `${b.currency} ${b.status}`];
  return left < right ? -1 : left > right ? 1 : 0;
}

interface CachedSums {
  /** Status of the run when the sums were made; another status makes them invalid. */
  readonly state: string;
  readonly at: number;
  readonly tookMs: number;
  readonly lines: readonly SumLine[];
}

const maxAgeMs = 1_000;
// Sums are at least this many times as old as they took to make: those of a million records are renewed less often.
const ageToCostRatio = 20;
// Beyond the age above plus this, the lines of an active run are not shown while new ones are made.
const maxStaleMs = 10_000;
const maxCachedRuns = 500;

export type GetSums = (run: Run, plan: Plan, entities: readonly string[]) => Promise<readonly SumLine[]>;

export interface SumCacheDeps extends SumsDeps {
  readonly ledger: Pick<ValidationLedger, 'money' | 'writtenSums'>;
}

/**
 * Sums for frequent readers: dashboards poll a run five times a second, lists fifty runs at once, and adding up reads
 * every record. Sums are renewed after a second at the earliest, take no more than a twentieth of the time, and the last
 * ones are returned meanwhile; a finished run starts with those of its report. While the target does not answer, the last
 * sums stay, or none: the rest of the run's view must not fail with them.
 */
export function createSumCache(deps: SumCacheDeps, now: () => number = Date.now): GetSums {
  const kept = createCacheEntries(now);
  const once = createSingleFlight<readonly SumLine[]>();
  let background: Promise<unknown> = Promise.resolve();

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
    const shareLoad = (work: () => Promise<readonly SumLine[]>) =>
      once(`${run.id} ${stateKey(run)}`, () => work().catch(() => kept.of(run)?.lines ?? []));
    if (!last || last.state !== stateKey(run)) return shareLoad(() => first(run, plan, entities));
    const age = now() - last.at;
    const mayAge = Math.max(maxAgeMs, ageToCostRatio * last.tookMs);
    if (age < mayAge) return Promise.resolve(last.lines);
    if (age >= mayAge + maxStaleMs && !hasEnded(run)) return shareLoad(() => make(run, plan, entities));
    // In the background one run after the other, so that requests for other runs do not wait for them.
    const before = background;
    background = shareLoad(() => before.then(() => make(run, plan, entities)));
    return Promise.resolve(last.lines);
  };
}

/** The last sums of the most recently requested runs. */
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

// A table that does not exist holds no money.
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

/** Runs a piece of work once; calls with the same key during that time get the same promise. */
function createSingleFlight<T>(): (key: string, work: () => Promise<T>) => Promise<T> {
  const making = new Map<string, Promise<T>>();
  return (key, work) => {
    const busy = making.get(key);
    if (busy) return busy;
    const made = work().finally(() => making.delete(key));
    making.set(key, made);
    return made;
  };
}
