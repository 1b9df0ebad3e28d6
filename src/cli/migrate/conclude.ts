import { setTimeout as sleep } from 'node:timers/promises';
import type { FailureGroup, ReportEntry, RunView } from '../../contract/runs.ts';
import type { List } from '../api-types.ts';
import { pathOf } from '../client.ts';
import type { Session } from '../command.ts';
import { type ExitCode, exitCodeOf, exitCodes, isFinished } from '../exit-code.ts';
import { Problem } from '../problem.ts';
import { runSummary } from '../run-summary.ts';
import { commandLine, type FollowedRun } from './follow.ts';
import { metricsLines, saveReportFile } from './reports.ts';

/** Ends a migration that was followed: its account, its report, and how it can go on where it can. */
export async function concludeMigration(session: Session, { run, log, copyLog }: FollowedRun): Promise<ExitCode> {
  if (!isFinished(run)) {
    const code = await pauseInterrupted(session, run);
    await copyLog();
    return code;
  }
  const { api, out, settings } = session;
  const [{ items: groups }, { items: reports }, report] = await Promise.all([
    api.get<List<FailureGroup>>(pathOf`/runs/${run.id}/failures`),
    api.get<List<ReportEntry>>(pathOf`/runs/${run.id}/reports`),
    saveReportFile(session, run),
  ]);
  const { metrics, path } = report;
  log.write('INFO', `report of run ${run.id}: ${path}`);
  out.answer({ run, groups, reports, metrics: metrics ?? null, report: path, log: log.path() }, (safe) =>
    [
      runSummary(safe, settings, out.paint),
      ...(safe.metrics ? [`\n${out.paint('figures', 'bold')}\n${metricsLines(safe.metrics, out.paint)}`] : []),
      `\nreport: ${safe.report}\nlog:    ${safe.log}`,
      ...nextStepLines(session, run),
    ].join('\n'),
  );
  return exitCodeOf(run);
}

function nextStepLines(session: Session, run: RunView): string[] {
  if (run.status === 'failed')
    return [`\nIt was stopped. Clear the cause, then: ${commandLine(session, 'migrate:resume')}`];
  if (run.nextActions.includes('retry')) {
    const retry = `${session.settings.invocation} retry ${run.id} --wait`;
    return [`\nCorrect what failed in the source and migrate again, or try the same records again: ${retry}`];
  }
  return [];
}

const settleTimeoutMs = 60_000;
const pollIntervalMs = 500;

/**
 * What Ctrl-C does to a migration: it is paused, so that nothing more is written, and can be resumed. A second Ctrl-C
 * leaves at once.
 */
async function pauseInterrupted(session: Session, run: RunView): Promise<ExitCode> {
  const { out } = session;
  const resume = `To go on: ${commandLine(session, 'migrate:resume')}`;
  out.note(`Interrupted: pausing run ${run.id} (Ctrl-C again to leave it running).`);
  try {
    const last = await waitWhilePausing(session, await requestWhenAllowed(session, run, 'pause'));
    if (out.json) out.answer(last, () => '');
    out.note(
      isFinished(last)
        ? `run ${last.id} had come to its end: ${last.status}`
        : `run ${last.id} is ${last.status}. ${resume}`,
    );
  } catch (thrown) {
    if (!(thrown instanceof Problem)) throw thrown;
    out.problem(thrown);
    out.note(`Run ${run.id} was not paused and may go on. ${resume}`);
  }
  return exitCodes.detached;
}

/** What Ctrl-C does to a run that writes nothing: its result is not needed any more, so it is cancelled. */
export async function cancelInterrupted(session: Session, run: RunView, name: string): Promise<ExitCode> {
  try {
    await requestWhenAllowed(session, run, 'cancel');
    session.out.note(
      `Interrupted: run ${run.id} is cancelled; nothing was written. To begin again: ${commandLine(session, name)}`,
    );
  } catch (thrown) {
    if (!(thrown instanceof Problem)) throw thrown;
    session.out.problem(thrown);
  }
  return exitCodes.detached;
}

async function requestWhenAllowed({ api }: Session, run: RunView, action: 'pause' | 'cancel'): Promise<RunView> {
  const body = { reason: 'interrupted with Ctrl-C' };
  const path = pathOf`/runs/${run.id}`;
  for (const until = Date.now() + settleTimeoutMs; ; await sleep(pollIntervalMs)) {
    const now = await api.get<RunView>(path);
    if (now.nextActions.includes(action)) return api.request<RunView>('POST', `${path}/${action}`, { body });
    // One that has not begun can be paused as soon as it has; one that ends needs none of it.
    if (now.status !== 'pending' || Date.now() > until) return now;
  }
}

/** Waits until no worker holds a record of it any more. */
async function waitWhilePausing({ api }: Session, run: RunView): Promise<RunView> {
  let now = run;
  for (const until = Date.now() + settleTimeoutMs; now.status === 'pausing' && Date.now() < until; ) {
    await sleep(pollIntervalMs);
    now = await api.get<RunView>(pathOf`/runs/${run.id}`);
  }
  return now;
}
