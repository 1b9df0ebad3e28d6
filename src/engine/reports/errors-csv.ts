import type { Plan } from '../../plan/contract.ts';
import { csvLine } from './csv.ts';
import { remedyOf } from './failure-groups.ts';
import type { ReportLedger, TroubleRow } from './ports.ts';

const header = ['entity', 'source_id', 'stage', 'status', 'code', 'field', 'message', 'remedy', 'attempts', 'when'];

/** Every record that was rejected, failed, is blocked or differs, with what to do about it. */
export async function* errorsCsv(
  ledger: Pick<ReportLedger, 'troubles'>,
  runId: string,
  plan: Plan,
): AsyncIterable<string> {
  yield csvLine(header);
  for await (const page of ledger.troubles(runId)) yield page.map((row) => csvLine(cells(row, plan))).join('');
}

function cells(row: TroubleRow, plan: Plan): readonly string[] {
  return [
    row.entity,
    row.sourceId,
    row.stage,
    row.status,
    row.code,
    row.field ?? '',
    row.message,
    remedyOf(row.code, plan),
    String(row.attempts),
    row.at.toISOString(),
  ];
}
