import type { JsonObject } from '../../plan/json.ts';
import type { TargetPort } from '../../plan/target.ts';
import type { ApiFactory } from '../api-effects/effects.ts';
import type { OpenRecord, RecordOutcome, RecordRef } from '../ledger/types.ts';
import { targetScope } from '../runs/context.ts';
import { resolveGroup } from './references.ts';
import { type Group, type GroupOutcomes, type RecordResult, runStage, type StageDeps } from './stage.ts';
import { cleanOf, transformRecord } from './transform.ts';

export interface ReconcileDeps extends StageDeps {
  readonly target: TargetPort;
  readonly apis: ApiFactory;
}

/** Compares the target with the source: the source record is transformed again and compared field by field. */
export function createReconcileStage(deps: ReconcileDeps) {
  // The stored result of the first transform is not read: the transform runs again and is compared with the target.
  return (refs: readonly RecordRef[]): Promise<RecordResult[]> =>
    runStage(deps, 'reconcile', { raw: true, clean: false }, refs, (group) => reconcileGroup(deps, group));
}

async function reconcileGroup(deps: ReconcileDeps, group: Group): Promise<GroupOutcomes> {
  const all = new Map<string, RecordOutcome>();
  const again = await transformAgain(deps, group, all);
  const { ready, outcomes } = await resolveGroup(deps, { ...group, records: again });
  const expected = ready.map(({ record, row }) => ({
    record,
    sourceId: record.sourceId,
    targetId: record.targetId ?? '',
    row,
  }));
  const { run, plan } = group.context;
  const differences = await (group.entity.api
    ? deps.apis(plan, run, group.name).compare(expected)
    : deps.target.compare(targetScope(run, plan, group.name), expected));
  for (const [id, outcome] of outcomes) all.set(id, outcome);
  for (const [index, { record }] of expected.entries())
    all.set(record.id, comparisonOutcome(differences[index] ?? 'missing'));
  return all;
}

/** The records as their transform makes them now. A record that no longer becomes a row gets its outcome at once. */
async function transformAgain(
  deps: ReconcileDeps,
  group: Group,
  outcomes: Map<string, RecordOutcome>,
): Promise<OpenRecord[]> {
  const loaded = await loadedValues(deps, group);
  return group.records.flatMap((record) => {
    const outcome = transformRecord(group.entity, record.raw ?? {}, record.sourceId, group.context.run.params);
    if (outcome.kind !== 'row') {
      const message = `its transform now ends with ${outcome.code}`;
      outcomes.set(record.id, { kind: 'end', status: 'mismatched', code: 'TARGET_DIFFERS', message });
      return [];
    }
    const clean = cleanOf({ ...outcome, row: { ...outcome.row, ...loaded.get(record.id) } });
    return [{ ...record, clean }];
  });
}

/** Columns filled by `enrich` or by an API cannot be computed again (salt, ids): their loaded values are used unchanged. */
async function loadedValues(deps: ReconcileDeps, group: Group): Promise<ReadonlyMap<string, JsonObject>> {
  const columns = Object.entries(group.entity.target.columns).filter(
    ([, column]) => column.enriched || column.filledByApi,
  );
  if (columns.length === 0) return new Map();
  const names = new Set(columns.map(([name]) => name));
  const stored = await deps.ledger.open('reconcile', group.records, { raw: false, clean: true });
  return new Map(
    stored.map((record) => [
      record.id,
      Object.fromEntries(Object.entries(record.clean?.row ?? {}).filter(([name]) => names.has(name))),
    ]),
  );
}

function comparisonOutcome(difference: 'missing' | readonly string[]): RecordOutcome {
  if (difference === 'missing') {
    return { kind: 'end', status: 'mismatched', code: 'TARGET_ROW_MISSING', message: 'the target has no such row' };
  }
  if (difference.length === 0) return { kind: 'end', status: 'reconciled' };
  const fields = difference.join(', ');
  return { kind: 'end', status: 'mismatched', code: 'TARGET_DIFFERS', message: `differs in ${fields}`, field: fields };
}
