import type { List, WorkerView } from '../answers.ts';
import { type DefineCommand, examples } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { workersTable } from '../views/workers.ts';

export const workers: DefineCommand = (program, act) => {
  program
    .command('workers')
    .description('list the worker processes and how they are')
    .addHelpText('after', examples('workers', 'workers --json'))
    .action(
      act(async ({ api, out }) => {
        const answer = await api.get<List<WorkerView>>('/workers');
        out.answer(answer, (safe) =>
          safe.items.length === 0
            ? 'no worker is alive: start one with `npm run worker`'
            : workersTable(safe.items, out.paint),
        );
        return exitCodes.green;
      }),
    );
};
