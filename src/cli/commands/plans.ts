import type { List, PlanView } from '../answers.ts';
import { pathOf } from '../client.ts';
import { type DefineCommand, examples } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { formatTable } from '../table.ts';
import { planDetails } from '../views/plan.ts';

export const plans: DefineCommand = (program, act) => {
  program
    .command('plans [plan]')
    .description('list the plans, or show one with its entities and steps')
    .addHelpText('after', examples('plans', 'plans bubble'))
    .action(
      act(async ({ api, out }, _options: object, name: string | undefined) => {
        if (name !== undefined) {
          const plan = await api.get<PlanView>(pathOf`/plans/${name}`);
          out.answer(plan, (safe) => planDetails(safe, out.paint));
          return exitCodes.green;
        }
        const answer = await api.get<List<PlanView>>('/plans');
        out.answer(answer, (safe) =>
          formatTable(
            safe.items,
            [
              { title: 'plan', value: (plan) => plan.name },
              { title: 'version', value: (plan) => plan.version },
              { title: 'title', value: (plan) => plan.title },
            ],
            out.paint,
          ),
        );
        return exitCodes.green;
      }),
    );
};
