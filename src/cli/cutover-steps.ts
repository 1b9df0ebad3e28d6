import type { Command } from 'commander';
import type { CutoverForecast, CutoverView } from './answers.ts';
import { pathOf } from './client.ts';
import { type ActionWrapper, type ReasonOptions, reasonOption } from './command.ts';
import { exitCodes } from './exit-code.ts';
import { followCutover } from './follow-cutover.ts';
import { requestDeadlineMs } from './http.ts';
import { usageError } from './problem.ts';
import type { Session } from './session.ts';
import { forecastReport } from './views/cutover-plan.ts';
import { cutoverReport, formatSize } from './views/cutovers.ts';

interface ConfirmOptions extends ReasonOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

/** What can be asked of a cutover that there is. */
export function defineCutoverActions(command: Command, act: ActionWrapper): void {
  command
    .command('go <stamp>')
    .description('carry out what is held, or go on with what was interrupted')
    .addOption(reasonOption())
    .action(
      act(async (session, { reason }: ReasonOptions, stamp: string) => {
        return followCutover(session, await postAction<CutoverView>(session, stamp, 'go', { reason }));
      }),
    );
  command
    .command('abandon <stamp>')
    .description('let go of what is held or was interrupted; the live tables are as they were')
    .addOption(reasonOption())
    .action(
      act(async (session, { reason }: ReasonOptions, stamp: string) => {
        const view = await postAction<CutoverView>(session, stamp, 'abandon', { reason });
        session.out.answer(view, (safe) => cutoverReport(safe, session.out.paint));
        return exitCodes.green;
      }),
    );
  defineRollback(command, act);
  dropBackup(command, act);
}

function defineRollback(command: Command, act: ActionWrapper): void {
  command
    .command('rollback <stamp>')
    .description('put a backup back, with what was written since')
    .addOption(reasonOption())
    .option('--dry-run', 'only say what would be done, down to the SQL')
    .option('--yes', 'do not ask')
    .action(
      act(async (session, { reason, dryRun, yes }: ConfirmOptions, stamp: string) => {
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
            return `Putting back ${plan.tables.length} tables of ${stamp}, with ${carried} changes written since.`;
          });
        return followCutover(session, await postAction<CutoverView>(session, stamp, 'rollback', { reason }));
      }),
    );
}

function dropBackup(command: Command, act: ActionWrapper): void {
  command
    .command('drop-backup <stamp>')
    .description('delete a backup for good; then nothing brings it back')
    .addOption(reasonOption())
    .option('--yes', 'do not ask')
    .action(
      act(async (session, { reason, yes }: ConfirmOptions, stamp: string) => {
        if (!yes)
          await requireConfirmation(session, 'deleting a backup', async () => {
            const view = await session.api.get<CutoverView>(pathOf`/cutovers/${stamp}`);
            return `Deleting the backup ${stamp} of ${view.plan}, ${formatSize(view.bytes)}, for good.`;
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

async function requireConfirmation(
  { ask }: Session,
  action: string,
  describeEffects: () => Promise<string>,
): Promise<void> {
  if (!ask) throw usageError(`${action} has to be confirmed`, 'Add --yes, or run it in a terminal.');
  const answer = await ask(`${await describeEffects()} Go on? [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw usageError('not confirmed: nothing was changed');
}
