import { resolve } from 'node:path';
import { Option } from 'commander';
import type { RunView, StartRun } from '../../contract/runs.ts';
import { type DefineCommand, examples, type Session } from '../command.ts';
import type { Settings } from '../environment.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import {
  parseBatchSize,
  parseIds,
  parseInstantOption,
  parseList,
  parseParameter,
  readJsonObjectFile,
  wholeNumberParser,
} from '../option-parsers.ts';
import { usageError } from '../problem.ts';
import { runHead } from '../run-summary.ts';
import { waitForRun } from '../wait.ts';

const strategies = ['full', 'incremental', 'selective'];

export const run: DefineCommand = (program, action) => {
  program
    .command('run <plan>')
    .description('start a run of a plan')
    .addOption(new Option('--strategy <name>', 'what to read: everything, what changed, or ids').choices(strategies))
    .option('--ids <a,b|@file>', 'only these source ids; @file has one a line')
    .option(
      '--since <time>',
      'only what changed from this time on (a date is its beginning in UTC)',
      parseInstantOption,
    )
    .option('--until <time>', 'only what changed before this time', parseInstantOption)
    .option('--only <names>', 'only these entities or steps, such as users,profiles', parseList)
    .option('--skip-existing', 'leave alone what the target has already')
    .option('--skip-export', 'do not ask the source: start from the CSV files of an earlier export')
    .option('--export-only', 'read the source and stop')
    .option('--dry-run', 'do everything but write')
    .option('--trial <n>', 'try n records of each entity in a schema of their own', wholeNumberParser(1, 10_000))
    .option('--batch-size <n>', 'records a job, 1 to 500, or auto', parseBatchSize)
    .option('--max-failure-percent <n>', 'stop the run when more of its records fail', wholeNumberParser(0, 100))
    .option('--target-schema <name>', 'schema of the target tables')
    .option('--param <key=value>', 'a parameter of the plan, again for each; JSON is understood', parseParameter)
    .option('--params <file>', 'parameters of the plan, as JSON')
    .option('--field-map <file>', 'what the fields are called in your source, as JSON')
    .option('--wait', 'follow the run to its end; the exit code says how it went')
    .addHelpText(
      'after',
      examples(
        'run bubble --wait',
        'run bubble --only users,profiles --field-map fields.json --wait',
        'run bubble --trial 200 --wait',
        'run bubble --strategy incremental --since 2024-01-01',
        'run bubble --ids @ids.txt --dry-run --wait --json',
        'run bubble --skip-export --param exportDir=march --batch-size 100',
      ),
    )
    .action(action(startRun));
};

async function startRun(session: Session, options: RunOptions & { wait?: boolean }, plan: string): Promise<ExitCode> {
  const { api, out, settings } = session;
  const started = await api.request<RunView>('POST', '/runs', { body: buildStartRequest(plan, options, settings) });
  if (options.wait) return waitForRun(session, started);
  out.answer(started, (safe) => runHead(safe, out.paint));
  out.note(`To follow it: ${settings.invocation} watch ${started.id}`);
  return exitCodes.green;
}

/** The options of `drover run`. */
export interface RunOptions {
  readonly strategy?: 'full' | 'incremental' | 'selective' | undefined;
  readonly ids?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly only?: readonly string[] | undefined;
  readonly skipExisting?: boolean | undefined;
  readonly skipExport?: boolean | undefined;
  readonly exportOnly?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  readonly trial?: number | undefined;
  readonly batchSize?: number | 'auto' | undefined;
  readonly maxFailurePercent?: number | undefined;
  readonly targetSchema?: string | undefined;
  readonly param?: Readonly<Record<string, unknown>> | undefined;
  readonly params?: string | undefined;
  readonly fieldMap?: string | undefined;
}

type RequestSettings = Pick<Settings, 'workingFolder' | 'sharedExportDir'>;

/** The body of POST /runs. Options that were not given are left out, so that the defaults of the API apply. */
export function buildStartRequest(plan: string, options: RunOptions, settings: RequestSettings): StartRun {
  if (options.skipExport && options.exportOnly) throw usageError('--skip-export and --export-only leave nothing to do');
  if (options.ids !== undefined && options.strategy !== undefined && options.strategy !== 'selective') {
    throw usageError(`--ids and --strategy ${options.strategy} contradict each other`, 'Leave --strategy out.');
  }
  const params = paramsOf(options, settings);
  const { strategy, since, until, only, skipExisting, exportOnly, dryRun, batchSize, maxFailurePercent, targetSchema } =
    options;
  const { trial } = options;
  return {
    plan,
    strategy,
    ids: options.ids === undefined ? undefined : parseIds(options.ids, settings.workingFolder),
    since,
    until,
    only,
    skipExisting,
    exportOnly,
    dryRun,
    trial,
    batchSize,
    maxFailurePercent,
    targetSchema,
    params: Object.keys(params).length > 0 ? params : undefined,
  };
}

/** Later ones override earlier ones: the file, then the options with their own names, then each --param. */
function paramsOf(options: RunOptions, settings: RequestSettings): Record<string, unknown> {
  const file = (path: string, what: string): Record<string, unknown> =>
    readJsonObjectFile(resolve(settings.workingFolder, path), what);
  return Object.fromEntries([
    ...Object.entries(options.params === undefined ? {} : file(options.params, 'the file of parameters')),
    ...(options.fieldMap === undefined ? [] : [['fieldMap', file(options.fieldMap, 'the field map')]]),
    ...(options.skipExport ? [['skipExport', true]] : []),
    ...(options.skipExport && settings.sharedExportDir ? [['exportDir', settings.sharedExportDir]] : []),
    ...Object.entries(options.param ?? {}),
  ]);
}
