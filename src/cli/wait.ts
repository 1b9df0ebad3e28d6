import type { FailureGroup, ReportEntry, RunView } from '../contract/runs.ts';
import type { List } from './api-types.ts';
import { pathOf } from './client.ts';
import type { Session } from './command.ts';
import { type ExitCode, exitCodeOf, exitCodes, isFinished } from './exit-code.ts';
import { followRun, runInterruptible } from './follow.ts';
import { createProgressDisplay, noProgressDisplay, type ProgressDisplay } from './progress.ts';
import { runSummary, statusText } from './run-summary.ts';

/** Follows a run, prints its summary, and returns the exit code. */
export async function waitForRun(session: Session, run: RunView): Promise<ExitCode> {
  return runInterruptible(async (signal) => {
    const last = await followToEnd(session, run, signal);
    if (!isFinished(last)) return reportDetached(session, last);
    await printSummary(session, last);
    return exitCodeOf(last);
  });
}

/** Follows a run to its end or until the signal, shows its progress, and returns the last known state. */
export async function followToEnd(
  session: Session,
  run: RunView,
  signal: AbortSignal,
  onChange: (run: RunView) => void = () => {},
): Promise<RunView> {
  const display = displayOf(session);
  let last = run;
  try {
    const onContact = (lost: string | undefined): void => display.note(connectionText(lost));
    for await (const view of followRun(session.api, run.id, { signal, onContact })) {
      if (view.status !== last.status && !isFinished(view)) display.note(statusChangeText(view));
      last = view;
      display.show(view);
      onChange(view);
    }
  } finally {
    display.end();
  }
  return last;
}

/** Says that the run goes on although following was ended. */
export function reportDetached({ out, settings }: Session, run: RunView): ExitCode {
  if (out.json) out.answer(run, () => '');
  out.note(`No longer following: run ${run.id} goes on. To come back: ${settings.invocation} watch ${run.id}`);
  return exitCodes.detached;
}

/** Prints the run as JSON, or its summary as text. */
export async function printSummary({ api, out, settings }: Session, run: RunView): Promise<void> {
  if (out.json) return out.answer(run, () => '');
  const [groups, reports] = await Promise.all([
    api.get<List<FailureGroup>>(pathOf`/runs/${run.id}/failures`),
    api.get<List<ReportEntry>>(pathOf`/runs/${run.id}/reports`),
  ]);
  out.answer({ run, groups: groups.items, reports: reports.items }, (safe) => runSummary(safe, settings, out.paint));
}

function displayOf({ out }: Session): ProgressDisplay {
  if (out.json) return noProgressDisplay;
  const { stderr } = out.streams;
  return createProgressDisplay(stderr, { inPlace: stderr.isTTY === true });
}

function statusChangeText(run: RunView): string {
  return `run ${run.id} is ${statusText(run.status)}${run.reason === null ? '' : `: ${run.reason}`}`;
}

function connectionText(problem: string | undefined): string {
  return problem === undefined ? 'the service answers again' : `${problem}; trying again`;
}
