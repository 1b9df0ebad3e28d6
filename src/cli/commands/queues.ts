import type { Command } from 'commander';
import type { List, QueueView } from '../answers.ts';
import { pathOf } from '../client.ts';
import { type Act, type Define, examples, type Reasoned, reasonOption } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { queuesTable } from '../views/queues.ts';

export const queues: Define = (program, act) => {
  const command = program
    .command('queues')
    .description('list the queues; pause or resume one for the whole fleet')
    .addHelpText(
      'after',
      examples('queues', 'queues pause load --reason "index is being built"', 'queues resume load --reason done'),
    )
    .action(
      act(async ({ api, out }) => {
        const answer = await api.get<List<QueueView>>('/queues');
        out.answer(answer, (safe) => queuesTable(safe.items, out.paint));
        return exitCodes.green;
      }),
    );
  change(command, act, 'pause', 'give out nothing more of a queue, on every worker');
  change(command, act, 'resume', 'let a queue go on');
};

function change(command: Command, act: Act, name: 'pause' | 'resume', description: string): void {
  command
    .command(`${name} <queue>`)
    .description(description)
    .addOption(reasonOption())
    .action(
      act(async ({ api, out }, { reason }: Reasoned, queue: string) => {
        const path = `${pathOf`/queues/${queue}`}/${name}`;
        const changed = await api.request<QueueView>('POST', path, { body: { reason } });
        out.answer(changed, (safe) => queuesTable([safe], out.paint));
        return exitCodes.green;
      }),
    );
}
