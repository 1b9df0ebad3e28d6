import { DroverError } from '../../errors.ts';
import type { Plan } from '../../plan/contract.ts';
import type { ReportEntry } from '../control/contract.ts';
import type { Run } from '../ports.ts';
import { type ContentDeps, contentOf } from './contents.ts';
import { reportNames } from './names.ts';
import type { ReportStore } from './ports.ts';
import type { Report } from './report.ts';

export interface OpenReportDeps extends ContentDeps {
  readonly store: ReportStore;
}

/** The reports of a run that has ended once: the stored ones, and those written to files with the size they had then. */
export async function reportEntries(deps: Pick<OpenReportDeps, 'store'>, run: Run): Promise<readonly ReportEntry[]> {
  const stored = await deps.store.list(run.id);
  const report = await deps.store.read(run.id, `migration_report_${run.stamp}.json`);
  const files = report ? (JSON.parse(report.content) as Report).files : [];
  return [...stored, ...files].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * A report's text, or a stream of it. What is long is made while it is read, so it is there for any run at any time;
 * summary and JSON report are there once the run has ended.
 * @throws DroverError NOT_FOUND naming what there is.
 */
export async function openReport(
  deps: OpenReportDeps,
  run: Run,
  plan: Plan,
  entities: readonly string[],
  name: string,
): Promise<{ readonly mediaType: string; readonly body: string | AsyncIterable<string> }> {
  const names = reportNames(run, plan, entities);
  const found = names.find((one) => one.name === name);
  if (!found) throw unknown(run, name, names.map((one) => one.name).join(', '));
  const { mediaType, of } = found;
  if (of.kind !== 'summary' && of.kind !== 'report') return { mediaType, body: contentOf(deps, run, plan, of) };
  const stored = await deps.store.read(run.id, name);
  if (!stored) throw unknown(run, name, 'written when the run ends');
  return { mediaType, body: stored.content };
}

function unknown(run: Run, name: string, there: string): DroverError {
  return new DroverError('NOT_FOUND', `run ${run.id} has no report ${name}`, { remedy: `Reports: ${there}.` });
}
