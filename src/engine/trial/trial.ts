import type { Forecast, TrialView } from '../../contract/runs.ts';
import { DroverError } from '../../errors.ts';
import type { Run } from '../ledger/types.ts';

/** The fields of a run that identify a trial and its schema. */
export type TrialRun = Pick<Run, 'scope' | 'targetSchema' | 'stamp'>;

const trialSuffix = (stamp: string): string => `_trial_${stamp}`;
const maxNameBytes = 63; // bytes of a PostgreSQL name; target schemas are plain ASCII

/** The schema a trial loads into instead of the target's. Throws BAD_REQUEST when its name would be too long. */
export function trialSchema(targetSchema: string, stamp: string): string {
  const name = `${targetSchema}${trialSuffix(stamp)}`;
  if (name.length <= maxNameBytes) return name;
  throw new DroverError('BAD_REQUEST', `the name of schema ${targetSchema} is too long for a trial's suffix`, {
    remedy: `Give a targetSchema of at most ${maxNameBytes - trialSuffix(stamp).length} characters.`,
  });
}

export function isTrial({ scope }: Pick<Run, 'scope'>): boolean {
  return scope.trial !== undefined;
}

/** The schema the trial replaces; undefined for a run that is not a trial, so that nothing else is ever dropped. */
export function targetSchemaOfTrial(run: TrialRun): string | undefined {
  const suffix = trialSuffix(run.stamp);
  if (!isTrial(run) || !run.targetSchema.endsWith(suffix)) return undefined;
  return run.targetSchema.slice(0, -suffix.length);
}

/** A record that was read, and the kind of its transform's outcome. */
export interface TrialCandidate<T> {
  readonly item: T;
  /** settled: the transform skips or rejects it. placed: a row whose parents are in the trial. unplaced: one whose are not, or a reject that may only lack other records. */
  readonly kind: 'settled' | 'placed' | 'unplaced';
}

/**
 * Pure: which of the records read are tried. Settled ones get the share of places that they have among all that were
 * read, so that preferring rows that have their parents does not make rejects look more frequent than they are. Rows
 * without their parents fill up what is left. Answers in the order of reading.
 */
export function chooseTrialRecords<T>(candidates: readonly TrialCandidate<T>[], n: number): readonly T[] {
  if (candidates.length <= n) return candidates.map(({ item }) => item);
  const of = (kind: TrialCandidate<T>['kind']) => candidates.filter((one) => one.kind === kind);
  const settled = of('settled');
  const forSettled = Math.round((settled.length / candidates.length) * n);
  const rows = [...of('placed'), ...of('unplaced')].slice(0, n - forSettled);
  const chosen = new Set([...pickEvenly(settled, forSettled), ...rows]);
  return candidates.filter((one) => chosen.has(one)).map(({ item }) => item);
}

/** Some of the items, evenly over all of them. */
function pickEvenly<T>(items: readonly T[], n: number): readonly T[] {
  return Array.from({ length: Math.min(n, items.length) }, (_, at) => items[Math.floor((at * items.length) / n)] as T);
}

/** Code of a record that a trial skips because what it lacks may be a record that was left out. */
export const notJudgedCode = 'NOT_JUDGED';

/** How a trial went for one entity. */
export interface TrialCount {
  readonly entity: string;
  /** Settled records whose outcome says something about the others. */
  readonly judged: number;
  readonly rejected: number;
  /** Settled records that lack what the trial may only have left out. */
  readonly unjudged: number;
}

/** Pure: what a trial predicts. */
export function forecast(n: number, entities: readonly string[], counts: readonly TrialCount[]): TrialView {
  const perEntity = entities.map((entity): [string, Forecast] => {
    const { judged = 0, rejected = 0, unjudged = 0 } = counts.find((count) => count.entity === entity) ?? {};
    return [
      entity,
      { judged, unjudged, rejectRate: judged === 0 ? 0 : rejected / judged, ...wilsonInterval(rejected, judged) },
    ];
  });
  return { n, perEntity: Object.fromEntries(perEntity) };
}

/** `2.0 % (0.5 % to 7.0 %, 98 judged)`, for summaries. */
export function forecastText({ rejectRate, low, high, judged, unjudged }: Forecast): string {
  // Forecasts of earlier versions do not have it.
  const rest = unjudged ? `${unjudged} lack records the trial left out` : '';
  if (judged === 0) return `nothing to judge by${rest && ` (${rest})`}`;
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  return `${percent(rejectRate)} rejected (${percent(low)} to ${percent(high)} of all, with 95 % confidence; ${judged} judged${rest && `, ${rest}`})`;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

const zScore = 1.959_963_984_540_054; // 95 % of a normal distribution lie within this many deviations

/**
 * Wilson's 95 % interval of a share: unlike the textbook's, it is right for small samples and for shares near 0 and 1
 * (0 of 100 rejected does not mean that none will be).
 */
export function wilsonInterval(hits: number, tried: number): Interval {
  if (tried === 0) return { low: 0, high: 1 };
  const share = hits / tried;
  const weight = 1 + zScore ** 2 / tried;
  const centre = (share + zScore ** 2 / (2 * tried)) / weight;
  const half = (zScore / weight) * Math.sqrt((share * (1 - share)) / tried + zScore ** 2 / (4 * tried ** 2));
  return { low: hits === 0 ? 0 : Math.max(0, centre - half), high: hits === tried ? 1 : Math.min(1, centre + half) };
}
