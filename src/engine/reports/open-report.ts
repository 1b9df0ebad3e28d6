import { DroverError } from '../../errors.ts';
import type { Plan } from '../../plan/contract.ts';
import type { ReportEntry } from '../control/contract.ts';
import type { Run } from '../ports.ts';
import { maskedLedger, maskReport } from '../privacy/reports.ts';
import { maskRun } from '../privacy/views.ts';
import { assertPayloadsKept } from '../retention/purge.ts';
import { type ContentDeps, reportContent } from './contents.ts';
import { makeReport, type ReportFactDeps } from './make-report.ts';
import { reportNames } from './names.ts';
import type { ReportLedger, ReportStore } from './ports.ts';
import type { Report } from './report.ts';
import { summaryText } from './summary.ts';

export interface OpenReportDeps extends ContentDeps, ReportFactDeps {
  readonly ledger: ReportLedger;
  readonly store: ReportStore;
}

/** The reports of a run that has ended once: the stored ones, and those written to files with the size they had then. */
export async function listReports(deps: Pick<OpenReportDeps, 'store'>, run: Run): Promise<readonly ReportEntry[]> {
  const stored = await deps.store.list(run.id);
  const report = await deps.store.read(run.id, jsonReportName(run));
  const files = report ? (JSON.parse(report.content) as Report).files : [];
  return [...stored, ...files].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * A report's text, or a stream of it. What is long is made while it is read, so it is there for any run at any time;
 * summary and JSON report are those written when the run ended, and until then, or when it was stopped, tell how it
 * stands. `masked`: without personal data.
 * @throws DroverError NOT_FOUND naming what there is.
 */
export async function openReport(
  deps: OpenReportDeps,
  run: Run,
  plan: Plan,
  entities: readonly string[],
  { name, masked }: { readonly name: string; readonly masked: boolean },
): Promise<{ readonly mediaType: string; readonly body: string | AsyncIterable<string> }> {
  const names = reportNames(run, plan, entities);
  const found = names.find((one) => one.name === name);
  if (!found) throw unknownReport(run, name, names.map((one) => one.name).join(', '));
  const { mediaType, of } = found;
  if (of.kind === 'export') assertPayloadsKept(run, 'an export');
  if (of.kind !== 'summary' && of.kind !== 'report') {
    const seen = masked ? { deps: { ...deps, ledger: maskedLedger(deps.ledger) }, run: maskRun(run) } : { deps, run };
    return { mediaType, body: reportContent(seen.deps, seen.run, plan, of) };
  }
  // A run that was taken up again after its end has an older one.
  const stored = isCompleted(run) ? await deps.store.read(run.id, masked ? jsonReportName(run) : name) : undefined;
  if (stored && !masked) return { mediaType, body: stored.content };
  const report = stored ? (JSON.parse(stored.content) as Report) : await currentReport(deps, run, plan);
  const shown = masked ? maskReport(report) : report;
  // Both short reports are made from the same facts, so the summary for viewers is written from the masked ones.
  return { mediaType, body: of.kind === 'summary' ? summaryText(shown) : `${JSON.stringify(shown, null, 2)}\n` };
}

const isCompleted = ({ status }: Run): boolean => status === 'completed' || status === 'completed_with_failures';

async function currentReport(deps: OpenReportDeps, run: Run, plan: Plan): Promise<Report> {
  const { status, reason } = run;
  const subject = { run, plan, ending: { status, reason }, validation: undefined, usageComplete: false };
  return { ...(await makeReport(deps, subject)), files: [] };
}

const jsonReportName = (run: Run): string => `migration_report_${run.stamp}.json`;

function unknownReport(run: Run, name: string, there: string): DroverError {
  return new DroverError('NOT_FOUND', `run ${run.id} has no report ${name}`, { remedy: `Reports: ${there}.` });
}
