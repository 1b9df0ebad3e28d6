import type { FailureGroup, List, ReportEntry, RunView } from '../answers.ts';
import { pathOf } from '../client.ts';
import { type ExitCode, exitCodeOf, isFinished } from '../exit-code.ts';
import type { Session } from '../session.ts';
import { metricsLines } from '../views/metrics.ts';
import { runSummary } from '../views/summary.ts';
import { commandLine, type FollowedRun } from './follow.ts';
import { pauseInterrupted } from './interrupted.ts';
import { saveReportFile } from './report-file.ts';

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
