import { type DefineCommand, examples } from '../command.ts';
import { exitCodeOf } from '../exit-code.ts';
import { findRun } from '../runs.ts';
import { printSummary } from '../wait.ts';

export const status: DefineCommand = (program, act) => {
  program
    .command('status <run>')
    .description('show where a run stands: records, sums, failures')
    .addHelpText('after', examples('status bubble', 'status RUN --json'))
    .action(
      act(async (session, _options: object, id: string) => {
        const run = await findRun(session.api, id);
        await printSummary(session, run);
        return exitCodeOf(run);
      }),
    );
};
