import type { FailureGroup, List } from '../answers.ts';
import { pathOf } from '../client.ts';
import { type DefineCommand, examples } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { findRun } from '../runs.ts';
import { failureList } from '../views/failures.ts';

export const failures: DefineCommand = (program, act) => {
  program
    .command('failures <run>')
    .description('show what failed, by cause, with the remedy')
    .addHelpText('after', examples('failures bubble', 'failures RUN --json'))
    .action(
      act(async ({ api, out, settings }, _options: object, id: string) => {
        const run = await findRun(api, id);
        const groups = await api.get<List<FailureGroup>>(pathOf`/runs/${run.id}/failures`);
        out.answer(groups, (safe) => (safe.items.length === 0 ? 'no failures' : failureList(safe.items, out.paint)));
        if (groups.items.length > 0 && run.nextActions.includes('replay')) {
          out.note(`When a cause is mended: ${settings.invocation} replay ${run.id} GROUP --reason TEXT`);
        }
        return exitCodes.green;
      }),
    );
};
