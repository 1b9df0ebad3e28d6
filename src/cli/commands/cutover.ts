import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { CutoverForecast, CutoverView, StartCutover } from '../../contract/cutover.ts';
import { pathOf, requestDeadlineMs } from '../client.ts';
import {
  type ActionWrapper,
  type DefineCommand,
  examples,
  type ReasonOptions,
  reasonOption,
  requireConfirmation,
  type Session,
} from '../command.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { defaultFollowTiming, retryWhileUnreachable, runInterruptible } from '../follow.ts';
import { formatBytes, type Paint } from '../format.ts';
import { parseLiveTable, parseTableMinimum, wholeNumberParser } from '../option-parsers.ts';
import { cutoverReport } from './cutovers.ts';

interface Options extends ReasonOptions {
  readonly dryRun?: boolean;
  readonly hold?: boolean;
  readonly yes?: boolean;
  readonly stagingSchema?: string;
  readonly liveSchema?: string;
  readonly table?: NonNullable<StartCutover['tables']>;
  readonly minimum?: Readonly<Record<string, number>>;
  readonly maxShrink?: number;
}

export const cutover: DefineCommand = (program, action) => {
  const command = program
    .command('cutover')
    .description('make staging tables the live ones, and go back')
    .addHelpText(
      'after',
      examples(
        'cutover PLAN --reason "launch" --dry-run      # every object, what becomes of it, and the SQL',
        'cutover PLAN --reason "launch" --hold         # prepare, then wait',
        'cutover go STAMP --reason "all are ready"',
        'cutover rollback STAMP --reason "the shop does not answer"',
        'cutovers',
      ),
    );
  defineStart(command, action);
  defineCutoverActions(command, action);
};

function defineStart(command: Command, action: ActionWrapper): void {
  command
    .command('start <plan>', { isDefault: true })
    .description('cut over; the word start can be left out')
    .addOption(reasonOption())
    .option('--dry-run', 'only say what would be done, down to the SQL; 1 when something stands against it')
    .option('--hold', 'do everything slow, then wait for `cutover go STAMP`')
    .option('--yes', 'do not ask')
    .option('--staging-schema <name>', "where runs have loaded (default: the plan's own, or its schema with _staging)")
    .option('--live-schema <name>', "where the live tables are (default: the plan's own, or its schema)")
    .option(
      '--table <table[=schema.name]>',
      'only this table; again for more. With the live one, where it is another',
      parseLiveTable,
    )
    .option('--minimum <table=rows>', 'refuse with fewer rows; again for more tables (default: 1)', parseTableMinimum)
    .option('--max-shrink <percent>', 'how much smaller a table may become (default: 50)', wholeNumberParser(0, 100))
    .action(action((session, options: Options, plan: string) => startCutover(session, options, plan)));
}

async function startCutover(session: Session, options: Options, plan: string) {
  const { api, out } = session;
  const body = {
    plan,
    reason: options.reason,
    stagingSchema: options.stagingSchema,
    liveSchema: options.liveSchema,
    tables: options.table,
    minimums: options.minimum,
    maxShrinkPercent: options.maxShrink,
  };
  const forecast = (): Promise<CutoverForecast> =>
    api.request('POST', '/cutovers', { body: { ...body, dryRun: true }, deadlineMs: requestDeadlineMs.long });
  if (options.dryRun) {
    const done = await forecast();
    out.answer(done, (safe) => forecastReport(safe, out.paint));
    return done.plan.problems.length === 0 ? exitCodes.green : exitCodes.failures;
  }
  if (!options.yes) await requireConfirmation(session, 'a cutover', () => startQuestion(plan, forecast));
  const begun = await api.request<CutoverView>('POST', '/cutovers', {
    body: { ...body, hold: options.hold },
    deadlineMs: requestDeadlineMs.long,
  });
  return followCutover(session, begun);
}

/** What the operator confirms; undefined when the cutover is not possible, because the API then refuses it with reasons. */
async function startQuestion(plan: string, forecast: () => Promise<CutoverForecast>): Promise<string | undefined> {
  const { tables, problems, warnings, items } = (await forecast()).plan;
  if (problems.length > 0) return undefined;
  const names = tables.map(({ live }) => `${live.schema}.${live.name}`).join(', ');
  const more = warnings.map((warning) => `\n  look: ${warning}`).join('');
  return `Cutting over ${plan}: ${names}; ${items.length} objects.${more}\n`;
}

interface ConfirmOptions extends ReasonOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

/** The commands for an existing cutover. */
function defineCutoverActions(command: Command, action: ActionWrapper): void {
  command
    .command('go <stamp>')
    .description('carry out what is held, or go on with what was interrupted')
    .addOption(reasonOption())
    .action(
      action(async (session, { reason }: ReasonOptions, stamp: string) => {
        return followCutover(session, await postAction<CutoverView>(session, stamp, 'go', { reason }));
      }),
    );
  command
    .command('abandon <stamp>')
    .description('let go of what is held or was interrupted; the live tables are as they were')
    .addOption(reasonOption())
    .action(
      action(async (session, { reason }: ReasonOptions, stamp: string) => {
        const view = await postAction<CutoverView>(session, stamp, 'abandon', { reason });
        session.out.answer(view, (safe) => cutoverReport(safe, session.out.paint));
        return exitCodes.green;
      }),
    );
  defineRollback(command, action);
  dropBackup(command, action);
}

function defineRollback(command: Command, action: ActionWrapper): void {
  command
    .command('rollback <stamp>')
    .description('put a backup back, with what was written since')
    .addOption(reasonOption())
    .option('--dry-run', 'only say what would be done, down to the SQL')
    .option('--yes', 'do not ask')
    .action(
      action(async (session, { reason, dryRun, yes }: ConfirmOptions, stamp: string) => {
        const forecast = (): Promise<CutoverForecast> =>
          postAction(session, stamp, 'rollback', { reason, dryRun: true });
        if (dryRun) {
          const done = await forecast();
          session.out.answer(done, (safe) => forecastReport(safe, session.out.paint));
          return done.plan.problems.length === 0 ? exitCodes.green : exitCodes.failures;
        }
        if (!yes)
          await requireConfirmation(session, 'a rollback', async () => {
            const { plan, carried } = await forecast();
            return `Putting back ${plan.tables.length} tables of ${stamp}, with ${carried} changes written since. `;
          });
        return followCutover(session, await postAction<CutoverView>(session, stamp, 'rollback', { reason }));
      }),
    );
}

function dropBackup(command: Command, action: ActionWrapper): void {
  command
    .command('drop-backup <stamp>')
    .description('delete a backup for good; then nothing brings it back')
    .addOption(reasonOption())
    .option('--yes', 'do not ask')
    .action(
      action(async (session, { reason, yes }: ConfirmOptions, stamp: string) => {
        if (!yes)
          await requireConfirmation(session, 'deleting a backup', async () => {
            const view = await session.api.get<CutoverView>(pathOf`/cutovers/${stamp}`);
            return `Deleting the backup ${stamp} of ${view.plan}, ${formatBytes(view.bytes)}, for good. `;
          });
        const view = await postAction<CutoverView>(session, stamp, 'drop-backup', { reason });
        session.out.answer(view, (safe) => cutoverReport(safe, session.out.paint));
        return exitCodes.green;
      }),
    );
}

function postAction<T>({ api }: Session, stamp: string, action: string, body: object): Promise<T> {
  return api.request<T>('POST', `${pathOf`/cutovers/${stamp}`}/${action}`, {
    body,
    deadlineMs: requestDeadlineMs.long,
  });
}

const pollIntervalMs = 300;

/** Follows a cutover or rollback until its status is stable, prints its report, and returns the exit code. */
async function followCutover(session: Session, started: CutoverView): Promise<ExitCode> {
  const { out, settings } = session;
  let last = started;
  await runInterruptible(async (signal) => {
    last = await pollUntilDone(session, started, signal);
  });
  out.answer(last, (safe) => cutoverReport(safe, out.paint));
  if (last.status !== 'preparing') return cutoverExitCode(last);
  out.note(`No longer following: it goes on. To come back: ${settings.invocation} cutovers ${last.stamp}`);
  return exitCodes.detached;
}

async function pollUntilDone({ api, out }: Session, started: CutoverView, signal: AbortSignal): Promise<CutoverView> {
  const onContact = (lost: string | undefined): void =>
    out.note(lost === undefined ? 'the service answers again' : `${lost}; trying again`);
  let view = started;
  let lastNote = '';
  while (isInProgress(view) && !signal.aborted) {
    const at = describeStep(view);
    if (at !== lastNote && !out.json) out.note(at);
    lastNote = at;
    await sleep(pollIntervalMs, undefined, { signal }).catch(() => undefined);
    const read = (): Promise<CutoverView> => api.get(pathOf`/cutovers/${started.stamp}`);
    view = (await retryWhileUnreachable(read, { signal, onContact }, defaultFollowTiming)) ?? view;
  }
  return view;
}

/** True also after the swap, while keys are validated and views refreshed. */
function isInProgress({ status, progress, nextActions }: CutoverView): boolean {
  return status === 'preparing' || (status === 'done' && progress !== null && !nextActions.includes('go'));
}

function describeStep({ stamp, progress }: CutoverView): string {
  return progress
    ? `${stamp} ${progress.phase} ${progress.done}/${progress.total}: ${progress.step}`
    : `${stamp} checks`;
}

/** A held cutover is a success, unless it returned to that status after an error; conflicts need an operator's decision. */
export function cutoverExitCode({ status, problems, unplanned, conflictCount }: CutoverView): ExitCode {
  const good = status === 'done' || (status === 'held' && problems.length === 0);
  return good && unplanned.length === 0 && conflictCount === 0 ? exitCodes.green : exitCodes.failures;
}

/** What would happen to every object, and the exact SQL. */
function forecastReport({ kind, plan, carried }: CutoverForecast, paint: Paint): string {
  const verdict = plan.problems.length === 0 ? paint('it can be done', 'green') : paint('it is refused', 'red');
  return [
    `${kind} of ${plan.name}: ${verdict}; nothing was changed`,
    ...plan.problems.map((problem) => `  ${paint('refused', 'red')}  ${problem}`),
    ...plan.warnings.map((warning) => `  ${paint('look', 'yellow')}  ${warning}`),
    ...(kind === 'rollback' ? [`  ${carried} changes written since would be carried back`] : []),
    ...kinds(plan).flatMap((one) => [
      `${one}:`,
      ...plan.items.filter((item) => item.kind === one).map((item) => `  ${item.object}: ${item.action}`),
    ]),
    ...(plan.differences.length > 0 ? ['meant to differ afterwards:'] : []),
    ...plan.differences.map(({ key, why }) => `  ${key}: ${why}`),
    '',
    plan.sql,
  ].join('\n');
}

function kinds(plan: CutoverForecast['plan']): string[] {
  return [...new Set(plan.items.map((item) => item.kind))];
}
