import type { CutoverView, List } from '../answers.ts';
import { pathOf } from '../client.ts';
import { type Define, examples } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { cutoverReport, cutoversTable } from '../views/cutovers.ts';

export const cutovers: Define = (program, act) => {
  program
    .command('cutovers [stamp]')
    .description('list cutovers and rollbacks with their backups, or show one')
    .option('--plan <name>', 'only of this plan')
    .addHelpText('after', examples('cutovers', 'cutovers --plan PLAN --json', 'cutovers STAMP'))
    .action(
      act(async ({ api, out }, { plan }: { plan?: string }, stamp: string | undefined) => {
        if (stamp === undefined) {
          const list = await api.get<List<CutoverView>>('/cutovers', { plan });
          out.answer(list, (safe) => (safe.items.length === 0 ? 'no cutovers' : cutoversTable(safe.items, out.paint)));
        } else {
          const view = await api.get<CutoverView>(pathOf`/cutovers/${stamp}`);
          out.answer(view, (safe) => cutoverReport(safe, out.paint));
        }
        return exitCodes.green;
      }),
    );
};
