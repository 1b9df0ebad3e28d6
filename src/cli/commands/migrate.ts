import { type Command, Option } from 'commander';
import type { Page, RunView } from '../../contract/runs.ts';
import { pathOf } from '../client.ts';
import type { DefineCommand, Session } from '../command.ts';
import { type ExitCode, exitCodeOf, exitCodes, isFinished } from '../exit-code.ts';
import { runInterruptible } from '../follow.ts';
import { cancelInterrupted, concludeMigration } from '../migrate/conclude.ts';
import { commandLine, followWithLog } from '../migrate/follow.ts';
import { type MigrateOptions, type Purpose, runOptions } from '../migrate/options.ts';
import { previewLines, writePreview } from '../migrate/reports.ts';
import { parseInstantOption, parseNonBlank, parseParameter, wholeNumberParser } from '../option-parsers.ts';
import { Problem } from '../problem.ts';
import { runHead, statusText } from '../run-summary.ts';
import { findingLines, runChecks } from './doctor.ts';
import { buildStartRequest } from './run.ts';

/** The default plan of these commands. */
const defaultPlan = 'catalog';

const variables = `
What options leave open is taken from the environment or, with npm run, from .env: MIGRATION_STRATEGY (incremental),
MIGRATION_START_DATE, MIGRATION_END_DATE, MIGRATION_PRODUCT_IDS, MIGRATION_SKIP_EXISTING, MIGRATION_BATCH_SIZE,
MIGRATION_DRY_RUN. Keys, addresses and limits (STRIPE_MAX_RPS and the like) are settings of the service.`;

export const migrate: DefineCommand = (program, action) => {
  addScopeOptions(program.command('migrate'))
    .description('migrate, with a progress line, a log and a report; Ctrl-C pauses it')
    .addHelpText(
      'after',
      help('migrate', '--strategy full', '--strategy incremental --since 2024-01-01', '--ids prod1,prod2'),
    )
    .action(action(interruptible(runMigrate)));

  addRowsOption(addScopeOptions(program.command('migrate:dry-run')))
    .description('do everything but write, and say of every record what would happen')
    .addHelpText('after', help('migrate:dry-run', '', '--batch-size 5', '--strategy full --rows 0'))
    .action(action(interruptible(runDryRun)));

  addRowsOption(addScopeOptions(program.command('migrate:validate')))
    .description('check the configuration, reach both ends, and say of every record what is wrong, without writing')
    .addHelpText('after', help('migrate:validate', '', '--ids @ids.txt', '--rows 0'))
    .action(action(interruptible(runValidate)));

  program
    .command('migrate:resume')
    .description('go on with the last migration where it was interrupted')
    .addOption(planOption())
    .option('--reason <text>', 'why; kept in the audit log', parseNonBlank)
    .addHelpText('after', '\nExamples:\n  $ npm run migrate:resume')
    .action(action(interruptible(runResume)));
};

/**
 * A command handles signals from its first request to its last: a signal that arrives while a run is being started or
 * paused must not leave that run writing.
 */
function interruptible<Options>(
  command: (session: Session, options: Options, signal: AbortSignal) => Promise<ExitCode>,
): (session: Session, options: Options) => Promise<ExitCode> {
  return (session, options) => runInterruptible((signal) => command(session, options, signal));
}

function addScopeOptions(command: Command): Command {
  return command
    .addOption(planOption())
    .addOption(
      new Option('--strategy <name>', 'everything, what changed, or ids').choices(['full', 'incremental', 'selective']),
    )
    .option('--ids <a,b|@file>', 'only these source ids; @file has one a line')
    .option(
      '--since <time>',
      'only what changed from this time on (a date is its beginning in UTC)',
      parseInstantOption,
    )
    .option('--until <time>', 'only what changed before this time', parseInstantOption)
    .option('--skip-existing', 'leave alone what the target has already')
    .option('--no-skip-existing', 'look at what the target has already, too')
    .option('--batch-size <n>', 'records a job', wholeNumberParser(1, 500))
    .option('--target-schema <name>', 'schema of the target tables, where the plan has such')
    .option('--param <key=value>', 'a parameter of the plan, again for each; JSON is understood', parseParameter);
}

function addRowsOption(command: Command): Command {
  return command.option(
    '--rows <n>',
    'records shown; 0 for all. The file has all of them',
    wholeNumberParser(0, 1_000_000),
    20,
  );
}

function planOption(): Option {
  return new Option('--plan <name>', 'the plan to run').default(defaultPlan);
}

function help(name: string, ...lines: readonly string[]): string {
  const examples = lines.map((line) => `  $ npm run ${name}${line === '' ? '' : ` -- ${line}`}`);
  return `${variables}\n\nExamples:\n${examples.join('\n')}`;
}

/** `migrate`: runs to the end with a progress line, and writes a log and a report. */
async function runMigrate(session: Session, options: MigrateOptions, signal: AbortSignal): Promise<ExitCode> {
  const run = await startMigration(session, 'migrate', options);
  if (run.dryRun) {
    session.out.note('MIGRATION_DRY_RUN is true: nothing is written. Set it to false to migrate.');
    return followDryRun(session, run, options, 'migrate', signal);
  }
  return concludeMigration(session, await followWithLog(session, run, 'migrate', signal));
}

/** `migrate:dry-run`: does everything except writing, and lists what would happen to every record. */
async function runDryRun(session: Session, options: MigrateOptions, signal: AbortSignal): Promise<ExitCode> {
  return followDryRun(session, await startMigration(session, 'dry-run', options), options, 'migrate:dry-run', signal);
}

async function followDryRun(
  session: Session,
  started: RunView,
  options: MigrateOptions,
  name: string,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { out } = session;
  const { run, log } = await followWithLog(session, started, name, signal);
  if (!isFinished(run)) return cancelInterrupted(session, run, name);
  const preview = await writePreview(session, run, {
    name: 'migration-dry-run',
    rows: rowLimit(options),
    wanted: () => true,
  });
  out.answer({ run, preview, log: log.path() }, (safe) =>
    [runHead(safe.run, out.paint), '', previewLines(safe.preview, out.paint), `log: ${safe.log}`].join('\n'),
  );
  return exitCodeOf(run);
}

/** Number of records on the screen; 0 means all of them. */
function rowLimit({ rows = 20 }: MigrateOptions): number {
  return rows === 0 ? Number.POSITIVE_INFINITY : rows;
}

/** Starts a run with the options and variables. */
async function startMigration(session: Session, purpose: Purpose, options: MigrateOptions): Promise<RunView> {
  const { api, settings } = session;
  const body = buildStartRequest(options.plan, runOptions(purpose, options, settings.migration), settings);
  try {
    return await api.request<RunView>('POST', '/runs', { body });
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.code !== 'NOT_ALLOWED_NOW') throw thrown;
    const { message, status, code } = thrown;
    // migrate:resume resumes the newest run only; for another run in the way, the remedy of the API applies.
    const last = await lastRun(session, options.plan);
    if (!last || isFinished(last) || !message.includes(last.id)) throw thrown;
    const remedy = `To go on with it: ${commandLine(session, 'migrate:resume')}`;
    throw new Problem({ code, message, status, remedy, cause: thrown });
  }
}

const failureStatuses = ['rejected', 'failed', 'blocked', 'mismatched'];

/**
 * `migrate:validate`: checks the configuration and the connections to source and target, and lists the errors of every
 * record, by a run that writes nothing.
 */
async function runValidate(session: Session, options: MigrateOptions, signal: AbortSignal): Promise<ExitCode> {
  const { api, out, settings } = session;
  const { reached, findings } = await runChecks(api, settings, options.plan);
  if (!out.json) out.streams.stdout.write(`${findingLines(findings, out.paint)}\n\n`);
  if (!reached) return reportNotStarted(session, { findings }, exitCodes.unreachable);
  if (findings.some((finding) => finding.state === 'problem')) {
    return reportNotStarted(session, { findings }, exitCodes.failures);
  }
  if (signal.aborted) return exitCodes.detached;
  const begun = await startMigration(session, 'validate', options);
  const { run, log } = await followWithLog(session, begun, 'migrate:validate', signal);
  if (!isFinished(run)) return cancelInterrupted(session, run, 'migrate:validate');
  const wanted = ({ status }: { status: string }): boolean => failureStatuses.includes(status);
  const preview = await writePreview(session, run, { name: 'migration-validation', rows: rowLimit(options), wanted });
  const valid = run.status === 'completed' && run.balanced;
  out.answer({ valid, findings, run, preview, log: log.path() }, (safe) =>
    [
      runHead(safe.run, out.paint),
      '',
      previewLines(safe.preview, out.paint),
      validityText(safe.valid, safe.preview.total),
      `log: ${safe.log}`,
    ].join('\n'),
  );
  return valid ? exitCodes.green : exitCodes.failures;
}

function validityText(valid: boolean, wrong: number): string {
  if (valid) return 'valid: every record would be migrated or has nothing to be migrated';
  return wrong === 0 ? 'not valid: see the reason of the run' : `not valid: ${wrong} records would not be migrated`;
}

function reportNotStarted({ out }: Session, { findings }: { findings: readonly object[] }, code: ExitCode): ExitCode {
  if (out.json) out.answer({ valid: false, findings, run: null, preview: null, log: null }, () => '');
  else out.note('Nothing was tried: mend what is bad above first.');
  return code;
}

interface ResumeOptions {
  readonly plan: string;
  readonly reason?: string;
}

/**
 * `migrate:resume`: continues the last run of the plan: one that was paused or stopped is resumed, one in progress is
 * followed.
 * @throws Problem NOTHING_TO_RESUME when the last run is finished, or there is none.
 */
async function runResume(session: Session, options: ResumeOptions, signal: AbortSignal): Promise<ExitCode> {
  const run = await lastRun(session, options.plan);
  if (!run) throw nothingToResume(session, `no run of ${options.plan} was begun yet`);
  if (signal.aborted) return exitCodes.detached;
  const going = await continueRun(session, run, options.reason ?? 'migrate:resume');
  return concludeMigration(session, await followWithLog(session, going, 'migrate:resume', signal));
}

const pageSize = 50;

/** The newest run that writes to the target. */
async function lastRun({ api }: Session, plan: string): Promise<RunView | undefined> {
  for (let cursor: string | undefined; ; ) {
    const page = await api.get<Page<RunView>>('/runs', { plan, cursor, limit: pageSize });
    const found = page.items.find((run) => !run.dryRun && !run.exportOnly && run.trial === null);
    if (found || page.nextCursor === null) return found;
    cursor = page.nextCursor;
  }
}

async function continueRun(session: Session, run: RunView, reason: string): Promise<RunView> {
  const { api, out } = session;
  const ask = (action: 'resume' | 'retry'): Promise<RunView> =>
    api.request('POST', `${pathOf`/runs/${run.id}`}/${action}`, { body: { reason } });
  switch (run.status) {
    case 'paused':
    case 'pausing':
      out.note(`Run ${run.id} goes on where it was paused.`);
      return ask('resume');
    case 'failed':
      if (run.rolledBackAt !== null) break;
      out.note(`Run ${run.id} goes on where it was stopped${run.reason === null ? '' : `: ${run.reason}`}`);
      return ask('retry');
    case 'pending':
    case 'running':
      out.note(`Run ${run.id} was not interrupted: it is ${run.status}, and is followed from here on.`);
      return run;
    default:
  }
  const ended = run.rolledBackAt === null ? statusText(run.status) : 'rolled back';
  throw nothingToResume(session, `the last run, ${run.id}, is ${ended}`, run);
}

function nothingToResume(session: Session, message: string, run?: RunView): Problem {
  const again = `Start one with: ${commandLine(session, 'migrate')}`;
  const retry = `${session.settings.invocation} retry ${run?.id} --wait`;
  const remedy = run?.nextActions.includes('retry') ? `${again}, or try what failed again: ${retry}` : again;
  return new Problem({ code: 'NOTHING_TO_RESUME', message: `there is no interrupted run: ${message}`, remedy });
}
