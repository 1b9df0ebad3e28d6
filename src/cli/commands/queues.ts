import type { Command } from 'commander';
import type { List, QueueView } from '../answers.ts';
import { pathOf } from '../client.ts';
import { type ActionWrapper, type DefineCommand, examples, type ReasonOptions, reasonOption } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { queuesTable } from '../views/queues.ts';

export const queues: DefineCommand = (program, act) => {
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
  defineQueueChange(command, act, 'pause', 'give out nothing more of a queue, on every worker');
  defineQueueChange(command, act, 'resume', 'let a queue go on');
};

function defineQueueChange(command: Command, act: ActionWrapper, name: 'pause' | 'resume', description: string): void {
  command
    .command(`${name} <queue>`)
    .description(description)
    .addOption(reasonOption())
    .action(
      act(async ({ api, out }, { reason }: ReasonOptions, queue: string) => {
        const path = `${pathOf`/queues/${queue}`}/${name}`;
        const changed = await api.request<QueueView>('POST', path, { body: { reason } });
        out.answer(changed, (safe) => queuesTable([safe], out.paint));
        return exitCodes.green;
      }),
    );
}
