import { resolve } from 'node:path';
import type { RunView } from '../../contract/runs.ts';
import { type DefineCommand, examples, type Session } from '../command.ts';
import { type SavedReport, saveReport } from '../download.ts';
import { type ExitCode, exitCodeOf, isFinished } from '../exit-code.ts';
import { runInterruptible } from '../follow.ts';
import { formatTable, type Paint } from '../format.ts';
import { parseInstantOption, parseList, parseParameter } from '../option-parsers.ts';
import { Problem } from '../problem.ts';
import { followToEnd, reportDetached } from '../wait.ts';
import { buildStartRequest, type RunOptions } from './run.ts';

type Options = Pick<RunOptions, 'only' | 'since' | 'until' | 'param' | 'params'> & { readonly out?: string };

export const exportPlan: DefineCommand = (program, action) => {
  program
    .command('export <plan>')
    .description('read the source of a plan into CSV files, one for each entity')
    .option('--out <dir>', 'folder of the files (default: MIGRATION_EXPORT_DIR, or ./migration_data)')
    .option('--only <names>', 'only these entities or steps', parseList)
    .option('--since <time>', 'only what changed from this time on', parseInstantOption)
    .option('--until <time>', 'only what changed before this time', parseInstantOption)
    .option('--param <key=value>', 'a parameter of the plan, again for each; JSON is understood', parseParameter)
    .option('--params <file>', 'parameters of the plan, as JSON')
    .addHelpText('after', examples('export bubble', 'export bubble --out ./march', 'run bubble --skip-export'))
    .action(action(startExport));
};

async function startExport(session: Session, { out, ...options }: Options, plan: string): Promise<ExitCode> {
  const { api, settings } = session;
  const folder = out === undefined ? settings.exportDir : resolve(settings.workingFolder, out);
  const body = buildStartRequest(plan, { ...options, exportOnly: true }, settings);
  const started = await api.request<RunView>('POST', '/runs', { body });
  const run = await runInterruptible((signal) => followToEnd(session, started, signal));
  if (!isFinished(run)) return reportDetached(session, run);
  // An incomplete export must not look like a complete one.
  if (run.status === 'failed' || run.status === 'cancelled') throw incompleteExportProblem(run);
  const files: ExportedFile[] = [];
  for (const [entity, { extracted }] of Object.entries(run.entities)) {
    files.push({ entity, records: extracted, ...(await saveReport(api, run.id, `${entity}.csv`, folder)) });
  }
  session.out.answer({ run, files }, (safe) => filesTable(safe.files, session.out.paint));
  if (run.reason !== null) session.out.note(run.reason);
  return exitCodeOf(run);
}

type ExportedFile = SavedReport & { readonly entity: string; readonly records: number };

function filesTable(files: readonly ExportedFile[], paint: Paint): string {
  return formatTable(
    files,
    [
      { title: 'entity', value: (file) => file.entity },
      { title: 'records', value: (file) => file.records, right: true },
      { title: 'file', value: (file) => file.path },
    ],
    paint,
  );
}

function incompleteExportProblem(run: RunView): Problem {
  return new Problem({
    code: 'EXPORT_INCOMPLETE',
    message: `the export ${run.id} is ${run.status}${run.reason === null ? '' : `: ${run.reason}`}; no file was written`,
    remedy: `See \`drover status ${run.id}\`; when the cause is cleared, export again.`,
    exitCode: 1,
  });
}
