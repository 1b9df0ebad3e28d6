import { DroverError } from '../../errors.ts';
import type { Counted, CutoverSpec } from './contract.ts';
import { displayName } from './names.ts';

/** CUTOVER_REFUSED with every reason at once. Does nothing without one. */
export function assertNoProblems(reasons: readonly string[]): void {
  if (reasons.length === 0) return;
  throw new DroverError('CUTOVER_REFUSED', `the cutover is refused: ${reasons.join('; ')}`, {
    reasons,
    remedy: 'Mend what is named and ask again; nothing was changed on the live tables.',
  });
}

/** Too few rows, or too many fewer than live. */
export function rowCountProblems(spec: CutoverSpec, counts: readonly Counted[]): string[] {
  const shrink = spec.maxShrinkPercent ?? 50;
  return counts.flatMap((count) => {
    const pair = spec.tables.find((one) => displayName(one.live) === count.table);
    // A table that is empty today has nothing to lose.
    const minimum = pair?.minimum ?? Math.min(1, count.live);
    const least = Math.ceil((count.live * (100 - shrink)) / 100);
    return [
      ...(count.incoming < minimum
        ? [`${count.table} would have ${count.incoming} rows, fewer than its minimum of ${minimum}`]
        : []),
      ...(count.incoming < least
        ? [
            `${count.table} would have ${count.incoming} rows instead of ${count.live}, and may lose at most ${shrink} percent`,
          ]
        : []),
    ];
  });
}
