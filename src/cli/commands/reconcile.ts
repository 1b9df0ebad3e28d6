import type { MendedView, MendingView, RunView } from '../answers.ts';
import { pathOf } from '../client.ts';
import { type Define, examples, type Reasoned, reasonOption } from '../command.ts';
import { type ExitCode, exitCodeOf, exitCodes, isFinished } from '../exit-code.ts';
import { deadlineMs } from '../http.ts';
import { usage } from '../problem.ts';
import { takeRun } from '../runs.ts';
import type { Session } from '../session.ts';
import { mendedReport, mendingReport } from '../views/mending.ts';
import { runHead } from '../views/run-head.ts';
import { detach, followToEnd, printSummary, waitFor } from '../wait.ts';

interface Options extends Partial<Reasoned> {
  readonly wait?: boolean;
  readonly plan?: boolean;
  readonly mend?: boolean;
  readonly yes?: boolean;
}

export const reconcile: Define = (program, act) => {
  program
    .command('reconcile <run>')
    .description(
      'compare every record of a finished run with the target again, field by field; show and mend what differs',
    )
    .addOption(reasonOption().makeOptionMandatory(false))
    .option('--wait', 'follow the run to its end, then show what would be mended')
    .option('--plan', 'only show what would be mended; 1 when there is something')
    .option('--mend', 'write what differs again, and remove rows that are provably there twice')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      examples(
        'reconcile RUN --reason "somebody was in the tables" --wait',
        'reconcile RUN --plan                      # what was found: records to write, doubled rows to remove',
        'reconcile RUN --mend --reason "as shown" --wait',
      ),
    )
    .action(
      act(async (session, options: Options, idOrPlan: string) => {
        const { plan, mend, reason } = options;
        if (plan && mend) throw usage('--plan and --mend contradict each other');
        if (!plan && reason === undefined) throw usage('say why', 'Add --reason TEXT.');
        const id = await takeRun(session, idOrPlan);
        if (plan) return show(session, id);
        return mend ? mendRun(session, options, id) : compare(session, options, id);
      }),
    );
};

async function show(session: Session, id: string): Promise<ExitCode> {
  const view = await mendingOf(session, id);
  session.out.answer(view, (safe) => mendingReport(safe, session.out.paint));
  return view.write.length + view.remove.length === 0 ? exitCodes.green : exitCodes.failures;
}

async function compare(session: Session, { reason, wait }: Options, id: string): Promise<ExitCode> {
  const { api, out } = session;
  const run = await api.request<RunView>('POST', pathOf`/runs/${id}/reconcile`, { body: { reason } });
  if (!wait) {
    out.answer(run, (safe) => runHead(safe, out.paint));
    return exitCodes.green;
  }
  const last = await followToEnd(session, run);
  if (!isFinished(last)) return detach(session, last);
  await printSummary(session, last);
  if (!out.json) out.answer(await mendingOf(session, id), (safe) => `\n${mendingReport(safe, out.paint)}`);
  return exitCodeOf(last);
}

async function mendRun(session: Session, { reason, wait, yes }: Options, id: string): Promise<ExitCode> {
  const { api, out } = session;
  if (!yes) await confirm(session, id);
  const done = await api.request<MendedView>('POST', pathOf`/runs/${id}/mend`, {
    body: { reason },
    deadlineMs: deadlineMs.long,
  });
  if (wait) {
    out.note(mendedReport(done, out.paint));
    return waitFor(session, done.run);
  }
  out.answer(done, (safe) => mendedReport(safe, out.paint));
  return exitCodes.green;
}

/** Looks first, so that the question can say what is at stake. */
async function confirm(session: Session, id: string): Promise<void> {
  if (!session.ask) throw usage('mending has to be confirmed', 'Add --yes, or run it in a terminal.');
  const report = mendingReport(await mendingOf(session, id), session.out.paint);
  const answer = await session.ask(`${report}\nGo on? [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw usage('not confirmed: nothing was changed');
}

function mendingOf({ api }: Session, id: string): Promise<MendingView> {
  return api.request<MendingView>('GET', pathOf`/runs/${id}/mending`, { deadlineMs: deadlineMs.long });
}
