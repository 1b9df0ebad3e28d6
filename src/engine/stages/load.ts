import type { Merge } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { LoadResult, TargetRow } from '../../plan/target.ts';
import { rowHash, targetIdOf } from '../ledger/hashes.ts';
import type { CleanRecord, RecordOutcome, RecordRef } from '../ledger/types.ts';
import { targetScope } from '../runs/context.ts';
import { bisect } from './batching.ts';
import { type ApiLoadDeps, type ApiLoadWork, loadApiRecord, reserveApiRecords } from './load-api.ts';
import { isParentAbsent, resolveGroup } from './references.ts';
import { type Group, type GroupOutcomes, type RecordResult, runStage } from './stage.ts';

export type LoadDeps = ApiLoadDeps;

/**
 * Clean to target: fills in references, writes rows in sets, and records the previous state. Records that go to an API
 * are claimed, written one by one and completed individually; they delay no other records.
 */
export function createLoadStage(deps: LoadDeps) {
  return async (refs: readonly RecordRef[]): Promise<(RecordResult | Promise<RecordResult>)[]> => {
    const deferred = new Map<string, ApiLoadWork>();
    const want = { raw: false, clean: true };
    const immediate = await runStage(deps, 'load', want, refs, (group) => loadGroup(deps, group, deferred)).catch(
      (thrown) => {
        // These records will not be processed; their slots become free.
        for (const _work of deferred.values()) deps.limiter.release();
        throw thrown;
      },
    );
    return refs.map((ref, index) => {
      const work = deferred.get(ref.id);
      return work ? loadApiRecord(deps, work) : (immediate[index] as RecordResult);
    });
  };
}

async function loadGroup(deps: LoadDeps, group: Group, deferred: Map<string, ApiLoadWork>): Promise<GroupOutcomes> {
  // Until parents and merges are settled the records are released; the scheduler dispatches them when the gate opens.
  if (!group.context.entities.get(group.name)?.loadOpen) return new Map();
  const { ready, outcomes } = await resolveGroup(deps, group);
  // A retry may have closed the gate a moment ago, to read the parents anew: then a parent that is not there may come yet.
  if ([...outcomes.values()].some(isParentAbsent)) {
    const { entities } = await deps.contexts.get(group.context.run.id, { fresh: true });
    if (!entities.get(group.name)?.loadOpen) return new Map();
  }
  if (group.entity.api) return new Map([...outcomes, ...(await reserveApiRecords(deps, group, ready, deferred))]);
  const aliases = await aliasesOf(deps, group);
  const rows = ready.map(
    ({ record, row }): TargetRow => ({
      sourceId: record.sourceId,
      targetId: record.targetId ?? idInRow(row) ?? targetIdOf(group.context.plan.name, group.name, record.sourceId),
      row,
      hash: rowHash(group.entity, row),
      aliases: aliases.get(record.id),
      // Loaded before in this run: it is here again because its rewrite was requested.
      forceWrite: record.targetId !== null,
    }),
  );
  const { run, plan } = group.context;
  const { dryRun, skipExisting } = run;
  const scope = targetScope(run, plan, group.name);
  const results = await bisect(
    rows,
    (some) => deps.target.load(scope, some, { dryRun, skipExisting }),
    (_row, error): LoadResult => ({
      kind: 'refused',
      message: error.message,
      ...(error.field ? { field: error.field } : {}),
    }),
  );
  const all = new Map<string, RecordOutcome>(outcomes);
  for (const [index, { record }] of ready.entries()) {
    const [row, result] = [rows[index], results[index]];
    if (row && result) all.set(record.id, loadOutcome(result, record.clean, row.hash, dryRun, group.entity.merge));
  }
  return all;
}

/** An id that the row itself carries: of an account that exists elsewhere, or of another record. */
function idInRow({ id }: JsonObject): string | undefined {
  return typeof id === 'string' ? id : undefined;
}

async function aliasesOf(deps: LoadDeps, group: Group): Promise<ReadonlyMap<string, string[]>> {
  if (group.entity.merge?.duplicateAction !== 'skip') return new Map();
  return deps.ledger.mergedInto(group.records.map((record) => record.id));
}

function loadOutcome(
  result: LoadResult,
  clean: CleanRecord | undefined,
  hash: string,
  dryRun: boolean,
  merge: Merge | undefined,
): RecordOutcome {
  const notes = 'notes' in result ? (result.notes ?? []) : [];
  const withNotes = (message: string): string => [message, ...notes].join('; ');
  switch (result.kind) {
    case 'inserted':
    case 'updated':
      if (dryRun) {
        const code = result.kind === 'inserted' ? 'WOULD_INSERT' : 'WOULD_UPDATE';
        return skippedOutcome(code, withNotes('dry run'), result.targetId);
      }
      return {
        ...{ kind: 'next', stage: 'reconcile', targetId: result.targetId, hash },
        ...(clean && notes.length > 0 ? { clean: { ...clean, notes: [...(clean.notes ?? []), ...notes] } } : {}),
      };
    case 'unchanged':
      return skippedOutcome('UNCHANGED', withNotes('the target has this already'), result.targetId);
    case 'exists':
      return skippedOutcome('EXISTS', 'the target has this row and the run skips existing ones', result.targetId);
    case 'taken':
      return takenOutcome(result, merge);
    case 'refused':
      return {
        kind: 'end',
        status: 'rejected',
        code: 'TARGET_CONSTRAINT',
        message: result.message,
        ...(result.field ? { field: result.field } : {}),
      };
  }
}

function takenOutcome(result: Extract<LoadResult, { kind: 'taken' }>, merge: Merge | undefined): RecordOutcome {
  if (merge?.duplicateAction === 'skip')
    return skippedOutcome(merge.code, `merged into ${result.bySourceId}`, result.targetId);
  const message = `its place is taken by ${result.bySourceId}`;
  return { kind: 'end', status: 'rejected', code: merge?.code ?? 'DUPLICATE', message };
}

function skippedOutcome(code: string, message: string, targetId: string): RecordOutcome {
  return { kind: 'end', status: 'skipped', code, message, targetId };
}
