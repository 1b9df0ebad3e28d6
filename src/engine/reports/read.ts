import type { ReportEntry } from '../../contract/runs.ts';
import { DroverError } from '../../errors.ts';
import type { Plan } from '../../plan/contract.ts';
import type { Run } from '../ledger/types.ts';
import { maskContacts, maskFailure, maskFailureRow, maskMessage, maskRun, maskValidation } from '../masking/mask.ts';
import { assertPayloadsKept } from '../retention/purge.ts';
import { type ContentDeps, fileMark, nameWithoutId, reportContent, reportNames } from './contents.ts';
import { makeReport, type Report, type ReportFactDeps } from './report.ts';
import type { ReportStore } from './store.ts';
import { summaryText } from './summary.ts';
import type { ReportLedger } from './types.ts';

export interface OpenReportDeps extends ContentDeps, ReportFactDeps {
  readonly ledger: ReportLedger;
  readonly store: ReportStore;
}

/** The reports of a run that has ended once: the stored ones, and those written to files with the size they had then. */
export async function listReports(deps: Pick<OpenReportDeps, 'store'>, run: Run): Promise<readonly ReportEntry[]> {
  const stored = await deps.store.list(run.id);
  const report = await readStored(deps.store, run, jsonReportName(run));
  const files = report ? (JSON.parse(report.content) as Report).files : [];
  return [...stored, ...files].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * A report's text, or a stream of it. What is long is made while it is read, so it is there for any run at any time;
 * summary and JSON report are those written when the run ended, and until then, or when it was stopped, show its
 * current state. `masked`: without personal data.
 * @throws DroverError NOT_FOUND naming the reports of the run.
 */
export async function openReport(
  deps: OpenReportDeps,
  run: Run,
  plan: Plan,
  entities: readonly string[],
  { name, masked }: { readonly name: string; readonly masked: boolean },
): Promise<{ readonly mediaType: string; readonly body: string | AsyncIterable<string> }> {
  const names = reportNames(run, plan, entities);
  const found = names.find((one) => one.name === name || nameWithoutId(run, one.name) === name);
  if (!found) throw unknownReport(run, name, names.map((one) => one.name).join(', '));
  const { mediaType, of } = found;
  if (of.kind === 'export') assertPayloadsKept(run, 'an export');
  if (of.kind !== 'summary' && of.kind !== 'report') {
    const visible = masked
      ? { deps: { ...deps, ledger: maskedLedger(deps.ledger) }, run: maskRun(run) }
      : { deps, run };
    return { mediaType, body: reportContent(visible.deps, visible.run, plan, of) };
  }
  // For a run that was resumed after its end, the stored one is older than the run.
  const stored = isCompleted(run)
    ? await readStored(deps.store, run, masked ? jsonReportName(run) : found.name)
    : undefined;
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

const jsonReportName = (run: Run): string => `migration_report_${fileMark(run)}.json`;

/** A stored report; one of an earlier version of Drover has a name without the run's id. */
async function readStored(store: ReportStore, run: Run, name: string): ReturnType<ReportStore['read']> {
  return (await store.read(run.id, name)) ?? store.read(run.id, nameWithoutId(run, name));
}

function unknownReport(run: Run, name: string, there: string): DroverError {
  return new DroverError('NOT_FOUND', `run ${run.id} has no report ${name}`, { remedy: `Reports: ${there}.` });
}

type MaskedLedgerReads = Pick<ReportLedger, 'troubleGroups' | 'troubles' | 'tries' | 'notes' | 'events'>;

/** The ledger as the reports for viewers read it. */
function maskedLedger(ledger: ReportLedger): ReportLedger {
  const reads: MaskedLedgerReads = {
    troubleGroups: async (runId) => (await ledger.troubleGroups(runId)).map(maskFailureRow),
    troubles: (runId) => mapPages(ledger.troubles(runId), maskRow),
    tries: (runId) => mapPages(ledger.tries(runId), maskRow),
    notes: (runId) =>
      mapPages(ledger.notes(runId), (row) => ({
        ...row,
        sourceId: maskContacts(row.sourceId),
        notes: row.notes.map(maskMessage),
      })),
    events: async (runId) =>
      (await ledger.events(runId)).map((event) => ({ ...event, text: maskContacts(event.text) })),
  };
  return { ...ledger, ...reads };
}

/** Pure: the report as viewers read it. */
function maskReport(report: Report): Report {
  const { run, failures, validation } = report;
  return {
    ...report,
    run: { ...run, reason: run.reason === null ? null : maskContacts(run.reason) },
    failures: failures.map(maskFailure),
    validation: validation && maskValidation(validation),
  };
}

async function* mapPages<T>(pages: AsyncIterable<readonly T[]>, change: (row: T) => T): AsyncIterable<readonly T[]> {
  for await (const page of pages) yield page.map(change);
}

function maskRow<T extends { readonly sourceId: string; readonly message: string }>(row: T): T {
  return { ...row, sourceId: maskContacts(row.sourceId), message: maskMessage(row.message) };
}
