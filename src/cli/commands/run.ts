import { Option } from 'commander';
import type { RunView } from '../answers.ts';
import { type DefineCommand, examples } from '../command.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import type { Session } from '../session.ts';
import { buildStartRequest, type RunOptions } from '../start-request.ts';
import { parseBatchSize, parseInstantOption, parseList, parseParameter, wholeNumberParser } from '../values.ts';
import { runHead } from '../views/run-head.ts';
import { waitForRun } from '../wait.ts';

const strategies = ['full', 'incremental', 'selective'];

export const run: DefineCommand = (program, act) => {
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
        'run bubble --skip-export --param exportDir=./march --batch-size 100',
      ),
    )
    .action(act(startRun));
};

async function startRun(session: Session, options: RunOptions & { wait?: boolean }, plan: string): Promise<ExitCode> {
  const { api, out, settings } = session;
  const started = await api.request<RunView>('POST', '/runs', { body: buildStartRequest(plan, options, settings) });
  if (options.wait) return waitForRun(session, started);
  out.answer(started, (safe) => runHead(safe, out.paint));
  out.note(`To follow it: ${settings.invocation} watch ${started.id}`);
  return exitCodes.green;
}
