import type { ValidationCheck, ValidationView } from '../answers.ts';
import type { Paint } from '../colour.ts';

/** Every rule with its verdict, and under a broken one the rows that break it. */
export function validationReport(view: ValidationView, rows: number, paint: Paint): string {
  const verdict = paint(view.status, view.status === 'green' ? 'green' : 'red');
  const stale = view.stale ? paint(', stale: the target has changed since', 'yellow') : '';
  return [
    `validation of run ${view.runId}: ${verdict}${stale}`,
    `  at ${view.at}, data version ${view.dataVersion}`,
    ...view.checks.flatMap((check) => checkLines(check, rows, paint)),
  ].join('\n');
}

function checkLines(check: ValidationCheck, rows: number, paint: Paint): string[] {
  const tone = check.ok ? 'green' : check.severity === 'error' ? 'red' : 'yellow';
  const word = check.ok ? 'ok' : check.severity;
  const entity = check.entity === null ? '' : ` (${check.entity})`;
  const found = check.ok ? `${check.checked} checked` : `${check.violations} of ${check.checked}`;
  const shown = check.rows.slice(0, rows);
  const rest = check.rows.length - shown.length;
  return [
    `  ${paint(word.padEnd(7), tone)} ${check.name}${entity}: ${check.description} [${found}]`,
    ...shown.map((row) => `            ${row.sourceId}${row.targetId ? ` (${row.targetId})` : ''}: ${row.detail}`),
    ...(rest > 0 ? [`            and ${rest} more: --rows 0 shows all`] : []),
  ];
}
