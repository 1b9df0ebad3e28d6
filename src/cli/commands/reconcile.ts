import type { DuplicateRow, RepairPlanView, RepairResultView } from '../../contract/records.ts';
import type { RunView } from '../../contract/runs.ts';
import { pathOf, requestDeadlineMs } from '../client.ts';
import {
  type DefineCommand,
  examples,
  type ReasonOptions,
  reasonOption,
  requireConfirmation,
  type Session,
} from '../command.ts';
import { type ExitCode, exitCodeOf, exitCodes, isFinished } from '../exit-code.ts';
import { resolveRunId } from '../find-run.ts';
import { runInterruptible } from '../follow.ts';
import { formatTable, type Paint } from '../format.ts';
import { usageError } from '../problem.ts';
import { failureList, runHead } from '../run-summary.ts';
import { followToEnd, printSummary, reportDetached, waitForRun } from '../wait.ts';

interface Options extends Partial<ReasonOptions> {
  readonly wait?: boolean;
  readonly plan?: boolean;
  readonly mend?: boolean;
  readonly yes?: boolean;
}

export const reconcile: DefineCommand = (program, action) => {
  program
    .command('reconcile <run>')
    .description(
      'compare every record of a finished run with the target again, field by field; show and mend what differs',
    )
    .addOption(reasonOption().makeOptionMandatory(false))
    .option('--wait', 'follow the run to its end, then show what would be repaired')
    .option('--plan', 'only show what would be repaired; 1 when there is something')
    .option('--mend', 'write what differs again, and remove rows that are provably there twice')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      examples(
        'reconcile RUN --reason "tables were edited by hand" --wait',
        'reconcile RUN --plan                      # what was found: records to write, doubled rows to remove',
        'reconcile RUN --mend --reason "as shown" --wait',
      ),
    )
    .action(
      action(async (session, options: Options, idOrPlan: string) => {
        const { plan, mend, reason } = options;
        if (plan && mend) throw usageError('--plan and --mend contradict each other');
        if (!plan && reason === undefined) throw usageError('say why', 'Add --reason TEXT.');
        const id = await resolveRunId(session, idOrPlan);
        if (plan) return showRepairPlan(session, id);
        return mend ? repairRun(session, options, id) : compareWithTarget(session, options, id);
      }),
    );
};

async function showRepairPlan(session: Session, id: string): Promise<ExitCode> {
  const view = await fetchRepairPlan(session, id);
  session.out.answer(view, (safe) => repairPlanReport(safe, session.out.paint));
  return view.write.length + view.remove.length === 0 ? exitCodes.green : exitCodes.failures;
}

async function compareWithTarget(session: Session, { reason, wait }: Options, id: string): Promise<ExitCode> {
  const { api, out } = session;
  const run = await api.request<RunView>('POST', pathOf`/runs/${id}/reconcile`, { body: { reason } });
  if (!wait) {
    out.answer(run, (safe) => runHead(safe, out.paint));
    return exitCodes.green;
  }
  const last = await runInterruptible((signal) => followToEnd(session, run, signal));
  if (!isFinished(last)) return reportDetached(session, last);
  await printSummary(session, last);
  if (!out.json) out.answer(await fetchRepairPlan(session, id), (safe) => `\n${repairPlanReport(safe, out.paint)}`);
  return exitCodeOf(last);
}

async function repairRun(session: Session, { reason, wait, yes }: Options, id: string): Promise<ExitCode> {
  const { api, out } = session;
  if (!yes) {
    await requireConfirmation(
      session,
      'mending',
      async () => `${repairPlanReport(await fetchRepairPlan(session, id), out.paint)}\n`,
    );
  }
  const done = await api.request<RepairResultView>('POST', pathOf`/runs/${id}/mend`, {
    body: { reason },
    deadlineMs: requestDeadlineMs.long,
  });
  if (wait) {
    out.note(repairResultReport(done, out.paint));
    return waitForRun(session, done.run);
  }
  out.answer(done, (safe) => repairResultReport(safe, out.paint));
  return exitCodes.green;
}

function fetchRepairPlan({ api }: Session, id: string): Promise<RepairPlanView> {
  return api.request<RepairPlanView>('GET', pathOf`/runs/${id}/mending`, { deadlineMs: requestDeadlineMs.long });
}

/** What would be repaired: records by cause, duplicate rows one by one. */
function repairPlanReport({ runId, write, remove }: RepairPlanView, paint: Paint): string {
  if (write.length + remove.length === 0) return `run ${runId}: nothing to mend`;
  const removable = remove.filter(({ refusal }) => refusal === null);
  return [
    ...(write.length > 0 ? [paint('to be written again', 'bold'), failureList(write, paint)] : []),
    ...(removable.length > 0
      ? [paint('to be removed: the row is there twice', 'bold'), duplicatesTable(removable, paint)]
      : []),
    ...refusedLines(remove, paint),
  ].join('\n');
}

function repairResultReport({ written, removed, left, run }: RepairResultView, paint: Paint): string {
  return [
    `run ${run.id}: removed ${removed.length} doubled rows; ${written} records are written and compared again`,
    ...refusedLines(left, paint),
  ].join('\n');
}

function refusedLines(rows: readonly DuplicateRow[], paint: Paint): string[] {
  const left = rows.filter(({ refusal }) => refusal !== null);
  return left.length === 0 ? [] : [paint('there twice, and left to you', 'yellow'), duplicatesTable(left, paint)];
}

function duplicatesTable(rows: readonly DuplicateRow[], paint: Paint): string {
  return formatTable(
    rows,
    [
      { title: 'entity', value: (row) => row.entity },
      { title: 'source id', value: (row) => row.sourceId },
      { title: 'row too many', value: (row) => row.targetId },
      { title: 'its own row', value: (row) => row.ofTargetId },
      { title: 'why it is left', value: (row) => row.refusal ?? '' },
    ],
    paint,
  );
}
