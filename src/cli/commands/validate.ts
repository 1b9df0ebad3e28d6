import type { ValidationCheck, ValidationView } from '../../contract/runs.ts';
import { pathOf } from '../client.ts';
import { type DefineCommand, examples } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { findRunOrNewest } from '../find-run.ts';
import type { Paint } from '../format.ts';
import { sendLongRequest } from '../long-request.ts';
import { wholeNumberParser } from '../option-parsers.ts';

export const validate: DefineCommand = (program, action) => {
  program
    .command('validate [run]')
    .description('check the target against the rules of the plan (nothing named: the newest run of all)')
    .option('--last', 'show the last validation instead of checking again')
    .option('--rows <n>', 'rows shown of each broken rule; 0 for all', wholeNumberParser(0, 1_000_000), 10)
    .addHelpText('after', examples('validate bubble', 'validate RUN --json', 'validate --last --rows 0'))
    .action(
      action(async (session, options: { last?: boolean; rows: number }, id: string | undefined) => {
        const { api, out } = session;
        const run = await findRunOrNewest(api, id);
        const validation = options.last
          ? await api.get<ValidationView>(pathOf`/runs/${run.id}/validation`)
          : await sendLongRequest<ValidationView>(session, `validating run ${run.id}`, {
              path: pathOf`/runs/${run.id}/validate`,
            });
        out.answer(validation, (safe) => validationReport(safe, options.rows || Number.POSITIVE_INFINITY, out.paint));
        return validation.status === 'green' && !validation.stale ? exitCodes.green : exitCodes.failures;
      }),
    );
};

/** Every rule with its result, and below a broken one the rows that break it. */
function validationReport(view: ValidationView, rows: number, paint: Paint): string {
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
