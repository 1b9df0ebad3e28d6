import { Option } from 'commander';
import { runStatuses } from '../../engine/run-status.ts';
import type { Page, RunView } from '../answers.ts';
import { type DefineCommand, examples } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { wholeNumberParser } from '../values.ts';
import { runsTable } from '../views/runs.ts';

interface Options {
  readonly plan?: string;
  readonly status?: string;
  readonly limit: number;
  readonly cursor?: string;
}

export const runs: DefineCommand = (program, act) => {
  program
    .command('runs')
    .description('list the runs, newest first')
    .option('--plan <name>', 'only of this plan')
    .addOption(new Option('--status <status>', 'only in this status').choices(runStatuses))
    .option('--limit <n>', 'how many', wholeNumberParser(1, 500), 20)
    .option('--cursor <cursor>', 'where an earlier list ended')
    .addHelpText('after', examples('runs', 'runs --plan bubble --status failed', 'runs --json'))
    .action(
      act(async ({ api, out, settings }, { plan, status, limit, cursor }: Options) => {
        const page = await api.get<Page<RunView>>('/runs', { plan, status, limit, cursor });
        out.answer(page, (safe) =>
          safe.items.length === 0 ? 'no runs' : runsTable(safe.items, new Date(), out.paint),
        );
        if (page.nextCursor) out.note(`More with: ${settings.invocation} runs --cursor ${page.nextCursor}`);
        return exitCodes.green;
      }),
    );
};
