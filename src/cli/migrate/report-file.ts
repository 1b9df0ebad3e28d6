import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunMetrics, RunView } from '../answers.ts';
import { saveReport } from '../download.ts';
import type { Session } from '../session.ts';

export interface ReportFile {
  readonly path: string;
  /** Absent where the service is of an earlier version. */
  readonly metrics: RunMetrics | undefined;
}

/** `reports/migration-report-TIMESTAMP.json`: the report of a run that ended or was stopped, as the service has it. */
export async function saveReportFile({ api, settings }: Session, run: RunView): Promise<ReportFile> {
  const folder = reportFolder(settings);
  const as = `migration-report-${run.stamp}.json`;
  const { path } = await saveReport(api, run.id, `migration_report_${run.stamp}.json`, folder, as);
  const { metrics } = JSON.parse(await readFile(path, 'utf8')) as { metrics?: RunMetrics };
  return { path, metrics };
}

export function reportFolder({ projectFolder }: Session['settings']): string {
  return join(projectFolder, 'reports');
}
