import type { ReportLedger } from '../reports/ports.ts';
import type { Report } from '../reports/report.ts';
import { maskContacts, maskMessage } from './text.ts';
import { maskFailure, maskValidation } from './views.ts';

type MaskedLedgerReads = Pick<ReportLedger, 'troubleGroups' | 'troubles' | 'tries' | 'notes' | 'events'>;

/** The ledger as the reports for viewers read it. */
export function maskedLedger(ledger: ReportLedger): ReportLedger {
  const told: MaskedLedgerReads = {
    troubleGroups: async (runId) => (await ledger.troubleGroups(runId)).map(maskFailure),
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
  return { ...ledger, ...told };
}

/** Pure: the report as viewers read it. */
export function maskReport(report: Report): Report {
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
