import type { ValidationView } from '../answers.ts';
import { pathOf } from '../client.ts';
import { type DefineCommand, examples } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { sendLongRequest } from '../long-request.ts';
import { findRunOrNewest } from '../runs.ts';
import { wholeNumberParser } from '../values.ts';
import { validationReport } from '../views/validation.ts';

export const validate: DefineCommand = (program, act) => {
  program
    .command('validate [run]')
    .description('check the target against the rules of the plan (nothing named: the newest run of all)')
    .option('--last', 'show the last validation instead of checking again')
    .option('--rows <n>', 'rows shown of each broken rule; 0 for all', wholeNumberParser(0, 1_000_000), 10)
    .addHelpText('after', examples('validate bubble', 'validate RUN --json', 'validate --last --rows 0'))
    .action(
      act(async (session, options: { last?: boolean; rows: number }, id: string | undefined) => {
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
