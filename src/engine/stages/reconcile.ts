import type { Entity } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { TargetPort } from '../../plan/target.ts';
import type { OpenRecord, RecordRef, Verdict } from '../ports.ts';
import { scopeOf } from './load.ts';
import { resolveGroup } from './references.ts';
import { type Group, type GroupVerdicts, runStage, type StageDeps, type StageResult } from './stage.ts';
import { transformRecord } from './transform.ts';

export interface ReconcileDeps extends StageDeps {
  readonly target: TargetPort;
}

/** Does the target hold what the source says? The source record is transformed again and compared, field by field. */
export function createReconcileStage(deps: ReconcileDeps) {
  return (refs: readonly RecordRef[]): Promise<StageResult[]> =>
    runStage(deps, 'reconcile', { raw: true, clean: true }, refs, (group) => reconcileGroup(deps, group));
}

async function reconcileGroup(deps: ReconcileDeps, group: Group): Promise<GroupVerdicts> {
  const { ready, verdicts } = await resolveGroup(deps, group);
  const expected = ready.map(({ record, row }) => ({
    record,
    sourceId: record.sourceId,
    targetId: record.targetId ?? '',
    row: { ...row, ...transformedAgain(group, record) },
  }));
  const differences = await deps.target.compare(scopeOf(group), expected);
  const all = new Map<string, Verdict>(verdicts);
  for (const [index, { record }] of expected.entries()) all.set(record.id, verdictOf(differences[index] ?? 'missing'));
  return all;
}

/** The row as the source gives it now; a value that was altered between transform and load shows here. */
function transformedAgain(group: Group, record: OpenRecord): JsonObject {
  const outcome = transformRecord(group.entity, record.raw ?? {}, record.sourceId, group.context.run.params);
  return outcome.kind === 'row' ? plainColumns(group.entity, outcome.row) : {};
}

// What `enrich` made cannot be made again to the same value; the loaded one stands.
function plainColumns(entity: Entity, row: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(row).filter(([column]) => !entity.target.columns[column]?.enriched));
}

function verdictOf(difference: 'missing' | readonly string[]): Verdict {
  if (difference === 'missing') {
    return { kind: 'end', status: 'mismatched', code: 'TARGET_ROW_MISSING', message: 'the target has no such row' };
  }
  if (difference.length === 0) return { kind: 'end', status: 'reconciled' };
  const fields = difference.join(', ');
  return { kind: 'end', status: 'mismatched', code: 'TARGET_DIFFERS', message: `differs in ${fields}`, field: fields };
}
