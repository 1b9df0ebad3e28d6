import type { PurgeView } from '../answers.ts';
import { type DefineCommand, examples, type ReasonOptions, reasonOption } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { usageError } from '../problem.ts';
import { resolveRunId } from '../runs.ts';
import { parseNonBlank } from '../values.ts';
import { purgeReport } from '../views/purge.ts';

interface Options extends ReasonOptions {
  readonly olderThan?: string;
  readonly run?: string;
  readonly dryRun?: boolean;
}

export const purge: DefineCommand = (program, act) => {
  program
    .command('purge')
    .description('delete what sources said in finished runs; hashes, outcomes and counts stay')
    .option('--older-than <age>', 'of runs that ended longer ago than 12h, 30d, 8w', parseNonBlank)
    .option('--run <run>', 'of this run', parseNonBlank)
    .option('--dry-run', 'only say what would be deleted')
    .addOption(reasonOption())
    .addHelpText(
      'after',
      examples('purge --older-than 30d --reason "retention" --dry-run', 'purge --run RUN --reason …'),
    )
    .action(
      act(async (session, { olderThan, run, dryRun, reason }: Options) => {
        const { api, out } = session;
        if ((olderThan === undefined) === (run === undefined)) {
          throw usageError('purge takes --older-than or --run, one of the two');
        }
        const runId = run === undefined ? undefined : await resolveRunId(session, run);
        const runs: PurgeView['runs'][number][] = [];
        for (;;) {
          const done = await api.request<PurgeView>('POST', '/purge', { body: { olderThan, runId, dryRun, reason } });
          runs.push(...done.runs);
          if (!done.complete) continue;
          out.answer({ ...done, runs }, (safe) => purgeReport(safe, out.paint));
          return exitCodes.green;
        }
      }),
    );
};
