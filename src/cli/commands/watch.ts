import { type DefineCommand, examples } from '../command.ts';
import { exitCodeOf, exitCodes, isFinished } from '../exit-code.ts';
import { findRun } from '../runs.ts';
import { followToEnd, waitForRun } from '../wait.ts';

export const watch: DefineCommand = (program, act) => {
  program
    .command('watch <run>')
    .description('follow a run to its end; with --json a line for every change')
    .addHelpText('after', examples('watch bubble', 'watch RUN --json'))
    .action(
      act(async (session, _options: object, id: string) => {
        const { api, out } = session;
        const run = await findRun(api, id);
        if (!out.json) return waitForRun(session, run);
        const last = await followToEnd(session, run, out.jsonLine);
        return isFinished(last) ? exitCodeOf(last) : exitCodes.detached;
      }),
    );
};
