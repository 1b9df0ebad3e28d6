import type { Plan } from '../../plan/contract.ts';
import { csvLine } from './csv.ts';
import { remedyOf } from './failure-groups.ts';
import type { FailureRow, ReportLedger } from './ports.ts';

const errorColumns = [
  'entity',
  'source_id',
  'stage',
  'status',
  'code',
  'field',
  'message',
  'remedy',
  'attempts',
  'when',
];

/** Every record that was rejected, failed, is blocked or differs, with what to do about it. */
export async function* errorsCsv(
  ledger: Pick<ReportLedger, 'troubles'>,
  runId: string,
  plan: Plan,
): AsyncIterable<string> {
  yield csvLine(errorColumns);
  for await (const page of ledger.troubles(runId)) yield page.map((row) => csvLine(errorCells(row, plan))).join('');
}

function errorCells(row: FailureRow, plan: Plan): readonly string[] {
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
