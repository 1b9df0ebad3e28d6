import { resolve } from 'node:path';
import type { RunView } from '../answers.ts';
import type { Paint } from '../colour.ts';
import { type Define, examples } from '../command.ts';
import { type SavedReport, saveReport } from '../download.ts';
import { type ExitCode, exitCodeOf, isFinished } from '../exit-code.ts';
import { Problem } from '../problem.ts';
import type { Session } from '../session.ts';
import { type RunOptions, startRequest } from '../start-request.ts';
import { table } from '../table.ts';
import { instant, list, parameter } from '../values.ts';
import { detach, followToEnd } from '../wait.ts';

type Options = Pick<RunOptions, 'only' | 'since' | 'until' | 'param' | 'params'> & { readonly out?: string };

export const exportPlan: Define = (program, act) => {
  program
    .command('export <plan>')
    .description('read the source of a plan into CSV files, one for each entity')
    .option('--out <dir>', 'folder of the files (default: MIGRATION_EXPORT_DIR, or ./migration_data)')
    .option('--only <names>', 'only these entities or steps', list)
    .option('--since <time>', 'only what changed from this time on', instant)
    .option('--until <time>', 'only what changed before this time', instant)
    .option('--param <key=value>', 'a parameter of the plan, again for each; JSON is understood', parameter)
    .option('--params <file>', 'parameters of the plan, as JSON')
    .addHelpText('after', examples('export bubble', 'export bubble --out ./march', 'run bubble --skip-export'))
    .action(act(start));
};

async function start(session: Session, { out, ...options }: Options, plan: string): Promise<ExitCode> {
  const { api, settings } = session;
  const folder = out === undefined ? settings.exportDir : resolve(settings.workingFolder, out);
  const body = startRequest(plan, { ...options, exportOnly: true }, settings);
  const run = await followToEnd(session, await api.request<RunView>('POST', '/runs', { body }));
  if (!isFinished(run)) return detach(session, run);
  // Half an export must not look like one.
  if (run.status === 'failed' || run.status === 'cancelled') throw broken(run);
  const files: File[] = [];
  for (const [entity, { extracted }] of Object.entries(run.entities)) {
    files.push({ entity, records: extracted, ...(await saveReport(api, run.id, `${entity}.csv`, folder)) });
  }
  session.out.answer({ run, files }, (safe) => filesTable(safe.files, session.out.paint));
  if (run.reason !== null) session.out.note(run.reason);
  return exitCodeOf(run);
}

type File = SavedReport & { readonly entity: string; readonly records: number };

function filesTable(files: readonly File[], paint: Paint): string {
  return table(
    files,
    [
      { title: 'entity', value: (file) => file.entity },
      { title: 'records', value: (file) => file.records, right: true },
      { title: 'file', value: (file) => file.path },
    ],
    paint,
  );
}

function broken(run: RunView): Problem {
  return new Problem({
    code: 'EXPORT_INCOMPLETE',
    message: `the export ${run.id} is ${run.status}${run.reason === null ? '' : `: ${run.reason}`}; no file was written`,
    remedy: `See \`drover status ${run.id}\`; when the cause is cleared, export again.`,
    exitCode: 1,
  });
}
