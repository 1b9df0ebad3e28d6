import type { RollbackView } from '../answers.ts';
import { pathOf } from '../client.ts';
import { type DefineCommand, examples, type ReasonOptions, reasonOption } from '../command.ts';
import { type ExitCode, exitCodes } from '../exit-code.ts';
import { followRollback } from '../follow-rollback.ts';
import { sendLongRequest } from '../long-request.ts';
import { usageError } from '../problem.ts';
import { resolveRunId } from '../runs.ts';
import type { Session } from '../session.ts';
import { rollbackReport } from '../views/rollback.ts';

interface Options extends ReasonOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export const rollback: DefineCommand = (program, act) => {
  program
    .command('rollback <run>')
    .description('remove what a run inserted and restore what it changed, nothing else')
    .addOption(reasonOption())
    .option('--dry-run', 'only say what would be done')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      examples('rollback RUN --reason "wrong field map" --dry-run', 'rollback RUN --reason … --yes'),
    )
    .action(
      act(async (session, options: Options, idOrPlan: string) => {
        const { out } = session;
        const asks = !options.dryRun && !options.yes;
        if (asks && !session.ask)
          throw usageError('a rollback has to be confirmed', 'Add --yes, or run it in a terminal.');
        const id = await resolveRunId(session, idOrPlan);
        if (asks && !(await confirmRollback(session, id, options.reason))) {
          throw usageError('not confirmed: nothing was changed');
        }
        const begun = await requestRollback(session, id, options.reason, options.dryRun === true);
        const done = begun.status === 'working' ? await followRollback(session, begun) : begun;
        out.answer(done, (safe) => rollbackReport(safe, out.paint));
        if (done.status !== 'done') out.note(nextStepText(session, done));
        return rollbackExitCode(done);
      }),
    );
};

/** Rows left alone because someone changed them are for a person to look at. */
function rollbackExitCode({ status, conflicts }: RollbackView): ExitCode {
  if (status === 'working') return exitCodes.detached;
  return status === 'done' && conflicts.length === 0 ? exitCodes.green : exitCodes.failures;
}

function nextStepText({ settings: { invocation } }: Session, { runId, status }: RollbackView): string {
  const again = `${invocation} rollback ${runId} --reason …`;
  if (status === 'working') return `No longer following: it goes on. How far it is: ${invocation} status ${runId}`;
  return status === 'interrupted' ? `The service was stopped. It goes on with: ${again}` : `To go on with it: ${again}`;
}

function requestRollback(session: Session, id: string, reason: string, dryRun: boolean): Promise<RollbackView> {
  const what = dryRun ? `looking what a rollback of run ${id} would do` : `rolling back run ${id}`;
  return sendLongRequest(session, what, { path: pathOf`/runs/${id}/rollback`, body: { reason, dryRun } });
}

/** Tries it without writing first, so that the question can say what is at stake. */
async function confirmRollback(session: Session, id: string, reason: string): Promise<boolean> {
  const trial = await requestRollback(session, id, reason, true);
  const stake = `${trial.removed} rows are removed, ${trial.restored} restored, ${trial.conflicts.length} left alone`;
  const answer = await session.ask?.(`Rolling back run ${id}: ${stake}. Go on? [y/N] `);
  return /^y(es)?$/i.test(answer?.trim() ?? '');
}
