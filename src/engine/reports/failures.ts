import { createHash } from 'node:crypto';
import { variantsText } from '../../contract/failure-variants.ts';
import type { FailureGroup } from '../../contract/runs.ts';
import { csvLine } from '../../csv.ts';
import { kindOf } from '../../errors.ts';
import type { Plan } from '../../plan/contract.ts';
import type { FailureGroupRow, FailureRow, ReportLedger } from './types.ts';

/** The run's failures by cause, the largest first. */
export async function failureGroups(
  ledger: Pick<ReportLedger, 'troubleGroups'>,
  runId: string,
  plan: Plan,
): Promise<readonly FailureGroup[]> {
  const groups = await ledger.troubleGroups(runId);
  return groups.map((group) => ({
    group: failureGroupKey(group),
    ...group,
    message: variantsText(group.variants, group.count),
    remedy: remedyOf(group.code, plan),
    severity: kindOf(group.code).severity,
  }));
}

/** What to do about a code: in the plan's words where it has some, or else in the engine's. */
export function remedyOf(code: string, plan: Pick<Plan, 'codes'>): string {
  const own = plan.codes && Object.hasOwn(plan.codes, code) ? plan.codes[code] : undefined;
  return own ?? kindOf(code).remedy;
}

/** A stable name: the same failures have the same name in every view. */
export function failureGroupKey(
  group: Pick<FailureGroupRow, 'entity' | 'stage' | 'status' | 'code' | 'field'>,
): string {
  const { entity, stage, status, code, field } = group;
  return createHash('sha256')
    .update(JSON.stringify([entity, stage, status, code, field]))
    .digest('hex')
    .slice(0, 12);
}

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
