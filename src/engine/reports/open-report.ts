import { DroverError } from '../../errors.ts';
import type { Plan } from '../../plan/contract.ts';
import type { ReportEntry } from '../control/contract.ts';
import type { Run } from '../ports.ts';
import { maskedLedger, maskReport } from '../privacy/reports.ts';
import { maskRun } from '../privacy/views.ts';
import { assertPayloads } from '../retention/purge.ts';
import { type ContentDeps, contentOf } from './contents.ts';
import { reportNames } from './names.ts';
import type { ReportStore } from './ports.ts';
import type { Report } from './report.ts';
import { summaryText } from './summary.ts';

export interface OpenReportDeps extends ContentDeps {
  readonly store: ReportStore;
}

/** The reports of a run that has ended once: the stored ones, and those written to files with the size they had then. */
export async function reportEntries(deps: Pick<OpenReportDeps, 'store'>, run: Run): Promise<readonly ReportEntry[]> {
  const stored = await deps.store.list(run.id);
  const report = await deps.store.read(run.id, jsonReport(run));
  const files = report ? (JSON.parse(report.content) as Report).files : [];
  return [...stored, ...files].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * A report's text, or a stream of it. What is long is made while it is read, so it is there for any run at any time;
 * summary and JSON report are there once the run has ended. `masked`: without personal data.
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
  if (!found) throw unknown(run, name, names.map((one) => one.name).join(', '));
  const { mediaType, of } = found;
  if (of.kind === 'export') assertPayloads(run, 'an export');
  if (of.kind !== 'summary' && of.kind !== 'report') {
    const seen = masked ? { deps: { ...deps, ledger: maskedLedger(deps.ledger) }, run: maskRun(run) } : { deps, run };
    return { mediaType, body: contentOf(seen.deps, seen.run, plan, of) };
  }
  const stored = await deps.store.read(run.id, masked ? jsonReport(run) : name);
  if (!stored) throw unknown(run, name, 'written when the run ends');
  return { mediaType, body: masked ? maskedBody(stored.content, of.kind) : stored.content };
}

const jsonReport = (run: Run): string => `migration_report_${run.stamp}.json`;

/** Both short reports are made from the same facts, so the summary for viewers is written from the masked ones. */
function maskedBody(content: string, kind: 'summary' | 'report'): string {
  const report = maskReport(JSON.parse(content) as Report);
  return kind === 'summary' ? summaryText(report) : `${JSON.stringify(report, null, 2)}\n`;
}

function unknown(run: Run, name: string, there: string): DroverError {
  return new DroverError('NOT_FOUND', `run ${run.id} has no report ${name}`, { remedy: `Reports: ${there}.` });
}
