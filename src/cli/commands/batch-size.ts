import type { RunView } from '../answers.ts';
import { pathOf } from '../client.ts';
import { type DefineCommand, examples, type ReasonOptions, reasonOption } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { resolveRunId } from '../runs.ts';
import { parseBatchSize as batchSizeOf } from '../values.ts';
import { batchSizeText } from '../views/batches.ts';

export const batchSize: DefineCommand = (program, act) => {
  program
    .command('batch-size <run>')
    .argument('<n>', 'records a job, 1 to 500, or auto', batchSizeOf)
    .description('change how many records of a run travel in one job, while it runs')
    .addOption(reasonOption())
    .addHelpText(
      'after',
      examples('batch-size RUN 100 --reason "the window is short"', 'batch-size RUN auto --reason "nobody knows"'),
    )
    .action(
      act(async (session, { reason }: ReasonOptions, idOrPlan: string, size: number | 'auto') => {
        const { api, out } = session;
        const id = await resolveRunId(session, idOrPlan);
        const body = { batchSize: size, reason };
        const run = await api.request<RunView>('PATCH', pathOf`/runs/${id}`, { body });
        out.answer(run, (safe) => `run ${safe.id} now sends ${batchSizeText(safe)}`);
        return exitCodes.green;
      }),
    );
};
