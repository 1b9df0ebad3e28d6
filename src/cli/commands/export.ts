import { resolve } from 'node:path';
import type { RunView } from '../answers.ts';
import { type Define, examples } from '../command.ts';
import { saveReport } from '../download.ts';
import { exitCodeOf, isFinished } from '../exit-code.ts';
import { Problem } from '../problem.ts';
import { table } from '../table.ts';
import { instant, list } from '../values.ts';
import { detach, followToEnd } from '../wait.ts';

interface Options {
  readonly out?: string;
  readonly only?: readonly string[];
  readonly since?: string;
  readonly until?: string;
}

export const exportPlan: Define = (program, act) => {
  program
    .command('export <plan>')
    .description('read the source of a plan into CSV files, one for each entity')
    .option('--out <dir>', 'folder of the files (default: MIGRATION_EXPORT_DIR, or ./migration_data)')
    .option('--only <names>', 'only these entities or steps', list)
    .option('--since <time>', 'only what changed from this time on', instant)
    .option('--until <time>', 'only what changed before this time', instant)
    .addHelpText('after', examples('export bubble', 'export bubble --out ./march', 'run bubble --skip-export'))
    .action(
      act(async (session, { out, ...scope }: Options, plan: string) => {
        const { api, settings } = session;
        const folder = out === undefined ? settings.exportDir : resolve(settings.workingFolder, out);
        const body = { plan, exportOnly: true, ...scope };
        const started = await api.request<RunView>('POST', '/runs', { body });
        const run = await followToEnd(session, started);
        if (!isFinished(run)) return detach(session, run);
        // Half an export must not look like one.
        if (run.status === 'failed' || run.status === 'cancelled') throw broken(run);
        const files = [];
        for (const [entity, { extracted }] of Object.entries(run.entities)) {
          files.push({ entity, records: extracted, ...(await saveReport(api, run.id, `${entity}.csv`, folder)) });
        }
        session.out.answer({ run, files }, (safe) =>
          table(
            safe.files,
            [
              { title: 'entity', value: (file) => file.entity },
              { title: 'records', value: (file) => file.records, right: true },
              { title: 'file', value: (file) => file.path },
            ],
            session.out.paint,
          ),
        );
        return exitCodeOf(run);
      }),
    );
};

function broken(run: RunView): Problem {
  return new Problem({
    code: 'EXPORT_INCOMPLETE',
    message: `the export ${run.id} is ${run.status}${run.reason === null ? '' : `: ${run.reason}`}; no file was written`,
    remedy: `See \`drover status ${run.id}\`; when the cause is cleared, export again.`,
    exitCode: 1,
  });
}
