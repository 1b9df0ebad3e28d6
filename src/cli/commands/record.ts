import type { Journey, List } from '../answers.ts';
import { type DefineCommand, examples } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { Problem } from '../problem.ts';
import { recordHistoryReport } from '../views/journey.ts';

export const record: DefineCommand = (program, act) => {
  program
    .command('record <sourceId>')
    .description('show the journey of one source record through every run')
    .addHelpText('after', examples('record 1690x12', 'record 1690x12 --json'))
    .action(
      act(async ({ api, out }, _options: object, sourceId: string) => {
        const answer = await api.get<List<Journey>>('/records', { sourceId });
        if (answer.items.length === 0) {
          const remedy = 'Check the id; a run that has not read it yet does not know it either.';
          throw new Problem({ code: 'NOT_FOUND', message: `no run has met a record ${sourceId}`, remedy });
        }
        out.answer(answer, (safe) => safe.items.map((one) => recordHistoryReport(one, out.paint)).join('\n\n'));
        return exitCodes.green;
      }),
    );
};
