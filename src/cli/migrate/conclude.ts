import { setTimeout as sleep } from 'node:timers/promises';
import type { FailureGroup, ReportEntry, RunView } from '../../contract/runs.ts';
import type { List } from '../api-types.ts';
import { pathOf } from '../client.ts';
import type { Session } from '../command.ts';
import { type ExitCode, exitCodeOf, exitCodes, isFinished } from '../exit-code.ts';
import { defaultFollowTiming, retryWhileUnreachable } from '../follow.ts';
import { Problem } from '../problem.ts';
import { runSummary } from '../run-summary.ts';
import { commandLine, type FollowedRun } from './follow.ts';
import { metricsLines, saveReportFile } from './reports.ts';

/** Ends a followed migration: prints its summary, saves its report, and shows how to continue it, if possible. */
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
const pendingTimeoutMs = 5_000;
const pollIntervalMs = 500;

/**
 * Ctrl-C pauses a migration, so that nothing more is written and it can be resumed; one that does not begin meanwhile is
 * cancelled, because it would begin to write later. A second Ctrl-C ends the command at once.
 */
async function pauseInterrupted(session: Session, run: RunView): Promise<ExitCode> {
  const { out } = session;
  const resume = `To go on: ${commandLine(session, 'migrate:resume')}`;
  out.note(`Interrupted: pausing run ${run.id} (Ctrl-C again to leave it running).`);
  try {
    const requested = await requestWhenAllowed(session, run, 'pause');
    const last =
      requested.status === 'pending'
        ? await requestWhenAllowed(session, run, 'cancel')
        : await waitWhilePausing(session, requested);
    if (out.json) out.answer(last, () => '');
    out.note(interruptedText(session, last, resume));
  } catch (thrown) {
    if (!(thrown instanceof Problem)) throw thrown;
    out.problem(thrown);
    out.note(`Run ${run.id} was not paused and may go on. ${resume}`);
  }
  return exitCodes.detached;
}

function interruptedText(session: Session, run: RunView, resume: string): string {
  if (run.status === 'cancelled' && run.startedAt === null) {
    return `run ${run.id} had not begun and is cancelled. To begin again: ${commandLine(session, 'migrate')}`;
  }
  return isFinished(run)
    ? `run ${run.id} had come to its end: ${run.status}`
    : `run ${run.id} is ${run.status}. ${resume}`;
}

/** Ctrl-C cancels a run that writes nothing: its result is not needed any more. */
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

/**
 * Requests the action as soon as the run accepts it, and returns the run; a run that has not begun cannot be paused, and is
 * returned unchanged after five seconds. Repeats the request while the API is unreachable.
 */
async function requestWhenAllowed({ api }: Session, run: RunView, action: 'pause' | 'cancel'): Promise<RunView> {
  const body = { reason: 'interrupted with Ctrl-C' };
  const path = pathOf`/runs/${run.id}`;
  for (const until = Date.now() + pendingTimeoutMs; ; await sleep(pollIntervalMs)) {
    const now = await whenReachable(() => api.get<RunView>(path), run);
    const isLate = Date.now() > until;
    if (now.nextActions.includes(action)) {
      try {
        return await whenReachable(() => api.request<RunView>('POST', `${path}/${action}`, { body }), now);
      } catch (thrown) {
        // Its status has changed since it was read.
        if (isLate || !(thrown instanceof Problem) || thrown.code !== 'NOT_ALLOWED_NOW') throw thrown;
      }
    } else if (now.status !== 'pending' || isLate) return now;
  }
}

/** Waits until no worker holds a record of the run any more. */
async function waitWhilePausing({ api }: Session, run: RunView): Promise<RunView> {
  let now = run;
  for (const until = Date.now() + settleTimeoutMs; now.status === 'pausing' && Date.now() < until; ) {
    await sleep(pollIntervalMs);
    now = await whenReachable(() => api.get<RunView>(pathOf`/runs/${run.id}`), now);
  }
  return now;
}

async function whenReachable(request: () => Promise<RunView>, last: RunView): Promise<RunView> {
  const never = new AbortController().signal;
  return (await retryWhileUnreachable(request, { signal: never }, defaultFollowTiming)) ?? last;
}
