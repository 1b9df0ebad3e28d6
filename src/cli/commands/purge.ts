import type { PurgeView } from '../answers.ts';
import { type Define, examples, type Reasoned, reasonOption } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { usage } from '../problem.ts';
import { takeRun } from '../runs.ts';
import { words } from '../values.ts';
import { purgeReport } from '../views/purge.ts';

interface Options extends Reasoned {
  readonly olderThan?: string;
  readonly run?: string;
  readonly dryRun?: boolean;
}

export const purge: Define = (program, act) => {
  program
    .command('purge')
    .description('delete what sources said in finished runs; hashes, outcomes and counts stay')
    .option('--older-than <age>', 'of runs that ended longer ago than 12h, 30d, 8w', words)
    .option('--run <run>', 'of this run', words)
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
          throw usage('purge takes --older-than or --run, one of the two');
        }
        const runId = run === undefined ? undefined : await takeRun(session, run);
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
