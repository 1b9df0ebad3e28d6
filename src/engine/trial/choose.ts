/** A record that was read, and what its transform says of it. */
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
