import type { Merge } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { LoadResult, TargetRow } from '../../plan/target.ts';
import { rowHash, targetIdOf } from '../ledger/hashes.ts';
import type { RecordOutcome, RecordRef } from '../ledger/types.ts';
import { targetScope } from '../runs/context.ts';
import { bisect } from './batching.ts';
import { type ApiLoadDeps, type ApiLoadWork, loadApiRecord, reserveApiRecords } from './load-api.ts';
import { resolveGroup } from './references.ts';
import { type Group, type GroupOutcomes, type RecordResult, runStage } from './stage.ts';

export type LoadDeps = ApiLoadDeps;

/**
 * Clean to target: fills in references, writes rows in sets, and records what stood there before. Records that go to an
 * API are claimed, written one by one and finished as they come; they hold up nobody else.
 */
export function createLoadStage(deps: LoadDeps) {
  return async (refs: readonly RecordRef[]): Promise<(RecordResult | Promise<RecordResult>)[]> => {
    const works = new Map<string, ApiLoadWork>();
    const want = { raw: false, clean: true };
    const quick = await runStage(deps, 'load', want, refs, (group) => loadGroup(deps, group, works)).catch((thrown) => {
      // Nobody will take these up; their places are for others.
      for (const _work of works.values()) deps.limiter.release();
      throw thrown;
    });
    return refs.map((ref, index) => {
      const work = works.get(ref.id);
      return work ? loadApiRecord(deps, work) : (quick[index] as RecordResult);
    });
  };
}

async function loadGroup(deps: LoadDeps, group: Group, works: Map<string, ApiLoadWork>): Promise<GroupOutcomes> {
  // Until parents and merges are settled the records go back; the conductor gives them out when the gate opens.
  if (!group.context.entities.get(group.name)?.loadOpen) return new Map();
  const { ready, outcomes: verdicts } = await resolveGroup(deps, group);
  if (group.entity.api) return new Map([...verdicts, ...(await reserveApiRecords(deps, group, ready, works))]);
  const aliases = await aliasesOf(deps, group);
  const rows = ready.map(
    ({ record, row }): TargetRow => ({
      sourceId: record.sourceId,
      targetId: record.targetId ?? idInRow(row) ?? targetIdOf(group.context.plan.name, group.name, record.sourceId),
      row,
      hash: rowHash(group.entity, row),
      aliases: aliases.get(record.id),
      // Loaded before in this run: it is here again because someone asked for it to be written anew.
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
  const all = new Map<string, RecordOutcome>(verdicts);
  for (const [index, { record }] of ready.entries()) {
    const [row, result] = [rows[index], results[index]];
    if (row && result) all.set(record.id, loadOutcome(result, row.hash, dryRun, group.entity.merge));
  }
  return all;
}

/** The id a row brings along: an account's that exists elsewhere, or another record's. */
function idInRow({ id }: JsonObject): string | undefined {
  return typeof id === 'string' ? id : undefined;
}

async function aliasesOf(deps: LoadDeps, group: Group): Promise<ReadonlyMap<string, string[]>> {
  if (group.entity.merge?.duplicateAction !== 'skip') return new Map();
  return deps.ledger.mergedInto(group.records.map((record) => record.id));
}

function loadOutcome(result: LoadResult, hash: string, dryRun: boolean, merge: Merge | undefined): RecordOutcome {
  switch (result.kind) {
    case 'inserted':
    case 'updated':
      if (!dryRun) return { kind: 'next', stage: 'reconcile', targetId: result.targetId, hash };
      return skippedOutcome(result.kind === 'inserted' ? 'WOULD_INSERT' : 'WOULD_UPDATE', 'dry run', result.targetId);
    case 'unchanged':
      return skippedOutcome('UNCHANGED', 'the target holds this already', result.targetId);
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
