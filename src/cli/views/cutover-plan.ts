import type { CutoverForecast } from '../answers.ts';
import type { Paint } from '../colour.ts';

/** What would be done with every object, and the exact SQL. */
export function forecastReport({ kind, plan, carried }: CutoverForecast, paint: Paint): string {
  const verdict = plan.problems.length === 0 ? paint('it can be done', 'green') : paint('it is refused', 'red');
  return [
    `${kind} of ${plan.name}: ${verdict}; nothing was changed`,
    ...plan.problems.map((problem) => `  ${paint('refused', 'red')}  ${problem}`),
    ...plan.warnings.map((warning) => `  ${paint('look', 'yellow')}  ${warning}`),
    ...(kind === 'rollback' ? [`  ${carried} changes written since would be carried back`] : []),
    ...kinds(plan).flatMap((one) => [
      `${one}:`,
      ...plan.items.filter((item) => item.kind === one).map((item) => `  ${item.object}: ${item.action}`),
    ]),
    ...(plan.differences.length > 0 ? ['meant to differ afterwards:'] : []),
    ...plan.differences.map(({ key, why }) => `  ${key}: ${why}`),
    '',
    plan.sql,
  ].join('\n');
}

function kinds(plan: CutoverForecast['plan']): string[] {
  return [...new Set(plan.items.map((item) => item.kind))];
}
