import { v5 as uuidv5 } from 'uuid';
import type { Entity, Merge } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { LoadResult, TargetPort, TargetRow, TargetScope } from '../../plan/target.ts';
import { bisect } from '../bisect.ts';
import { fingerprint } from '../canonical.ts';
import type { RecordRef, Verdict } from '../ports.ts';
import { resolveGroup } from './references.ts';
import { type Group, type GroupVerdicts, runStage, type StageDeps, type StageResult } from './stage.ts';

// The namespace of Drover's target ids; any fixed UUID does, and it must never change.
const namespace = '6f1f9a52-61c4-5c1d-9d0b-8c7a3f0f2d11';

export interface LoadDeps extends StageDeps {
  readonly target: TargetPort;
}

/** Clean to target: fills in references, writes rows in sets, and records what stood there before. */
export function createLoadStage(deps: LoadDeps) {
  return (refs: readonly RecordRef[]): Promise<StageResult[]> =>
    runStage(deps, 'load', { raw: false, clean: true }, refs, (group) => loadGroup(deps, group));
}

/** The id a record gets in the target unless the target has one for it already. */
export function targetIdOf(plan: string, entity: string, sourceId: string): string {
  return uuidv5(`${plan}\u0000${entity}\u0000${sourceId}`, namespace);
}

/** The id a row brings along: an account's that exists elsewhere, or another record's. */
function givenId({ id }: JsonObject): string | undefined {
  return typeof id === 'string' ? id : undefined;
}

/** Where the rows of a group go. */
export function scopeOf(group: Group): TargetScope {
  const { run, plan } = group.context;
  return {
    runId: run.id,
    plan: plan.name,
    entity: group.name,
    targetSchema: run.targetSchema,
    definition: group.entity,
  };
}

/** What tells a changed row from an unchanged one. Enriched columns differ at every run (salt) and stay out. */
export function rowHash(entity: Entity, row: JsonObject): string {
  const plain = Object.entries(row).filter(([column]) => !entity.target.columns[column]?.enriched);
  return fingerprint(Object.fromEntries(plain));
}

async function loadGroup(deps: LoadDeps, group: Group): Promise<GroupVerdicts> {
  // Until parents and merges are settled the records go back; the conductor gives them out when the gate opens.
  if (!group.context.entities.get(group.name)?.loadOpen) return new Map();
  const { ready, verdicts } = await resolveGroup(deps, group);
  const aliases = await aliasesOf(deps, group);
  const rows = ready.map(
    ({ record, row }): TargetRow => ({
      sourceId: record.sourceId,
      targetId: record.targetId ?? givenId(row) ?? targetIdOf(group.context.plan.name, group.name, record.sourceId),
      row,
      hash: rowHash(group.entity, row),
      aliases: aliases.get(record.id),
      // Loaded before in this run: it is here again because someone asked for it to be written anew.
      rewrite: record.targetId !== null,
    }),
  );
  const { dryRun, skipExisting } = group.context.run;
  const results = await bisect(
    rows,
    (some) => deps.target.load(scopeOf(group), some, { dryRun, skipExisting }),
    (_row, error): LoadResult => ({
      kind: 'refused',
      message: error.message,
      ...(error.field ? { field: error.field } : {}),
    }),
  );
  const all = new Map<string, Verdict>(verdicts);
  for (const [index, { record }] of ready.entries()) {
    const [row, result] = [rows[index], results[index]];
    if (row && result) all.set(record.id, verdictOf(result, row.hash, dryRun, group.entity.merge));
  }
  return all;
}

async function aliasesOf(deps: LoadDeps, group: Group): Promise<ReadonlyMap<string, string[]>> {
  if (group.entity.merge?.loser !== 'skip') return new Map();
  return deps.ledger.mergedInto(group.records.map((record) => record.id));
}

function verdictOf(result: LoadResult, hash: string, dryRun: boolean, merge: Merge | undefined): Verdict {
  switch (result.kind) {
    case 'inserted':
    case 'updated':
      if (!dryRun) return { kind: 'next', stage: 'reconcile', targetId: result.targetId, hash };
      return skipped(result.kind === 'inserted' ? 'WOULD_INSERT' : 'WOULD_UPDATE', 'dry run', result.targetId);
    case 'unchanged':
      return skipped('UNCHANGED', 'the target holds this already', result.targetId);
    case 'exists':
      return skipped('EXISTS', 'the target has this row and the run skips existing ones', result.targetId);
    case 'taken':
      return takenBy(result, merge);
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

function takenBy(result: Extract<LoadResult, { kind: 'taken' }>, merge: Merge | undefined): Verdict {
  if (merge?.loser === 'skip') return skipped(merge.code, `merged into ${result.bySourceId}`, result.targetId);
  const message = `its place is taken by ${result.bySourceId}`;
  return { kind: 'end', status: 'rejected', code: merge?.code ?? 'DUPLICATE', message };
}

function skipped(code: string, message: string, targetId: string): Verdict {
  return { kind: 'end', status: 'skipped', code, message, targetId };
}
