import type { RollbackView } from '../../contract/runs.ts';
import type { Plan } from '../../plan/contract.ts';
import { entityOrder } from '../../plan/define-plan.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { TargetPort } from '../../plan/target.ts';
import type { CleanRecord, Ledger, Resolution, Run } from '../ledger/types.ts';
import { entityOf, identityScope, targetScope } from '../runs/context.ts';
import { groupBy } from '../stages/batching.ts';
import { type UndoApisDeps, type UndoOptions, undoApis, writesToApis } from './api-undo.ts';
import type { RollbackLedger, RollbackStore } from './store.ts';
import type { DecideUndo, RollbackScope, RollbackTable, Suspect, UndoResult } from './types.ts';

export interface RollbackDeps extends UndoApisDeps {
  readonly store: RollbackStore;
  readonly ledger: RollbackLedger;
  /** Resolves references to records by source id. */
  readonly references: Pick<Ledger, 'resolve'>;
  readonly rows: Pick<TargetPort, 'compare'>;
}

/**
 * Undoes what a run wrote, and nothing else: rows it inserted are removed, rows it changed get their old content, and so do
 * identities. Rows that were changed since, or that other rows point at, stay as they are and are listed as conflicts;
 * another rollback of the same run can undo them later. Throws DroverError.
 */
export async function rollbackRun(
  deps: RollbackDeps,
  run: Run,
  plan: Plan,
  options: UndoOptions,
): Promise<RollbackView> {
  // Effects at APIs are undone one by one: the watermarks are gone before the first. Tables are undone in one transaction.
  if (!options.dryRun && writesToApis(plan)) await deps.store.dropWatermarks(run.plan, run.targetSchema);
  const api = await undoApis(deps, run, plan, options);
  // The tables that record the objects of an API keep their rows until everything is undone there.
  if (api.conflicts.length > 0) return finishedRollbackView(run.id, options.dryRun, api);
  const rows = await deps.store.undo(rollbackScope(run, plan), createDecideUndo(deps, run, plan), options.dryRun);
  const undone = writesToApis(plan) ? { ...api, conflicts: rows.conflicts } : rows;
  if (rows.conflicts.length > 0) await options.onProgress?.({ removed: 0, restored: 0, conflicts: rows.conflicts });
  return finishedRollbackView(run.id, options.dryRun, undone);
}

/** The view of a finished rollback. */
export function finishedRollbackView(
  runId: string,
  dryRun: boolean,
  { removed, restored, conflicts }: UndoResult,
): RollbackView {
  const done = removed + restored;
  const total = done + conflicts.length;
  return { runId, dryRun, status: 'done', done, total, removed, restored, conflicts, error: null };
}

/** The rollback as a script for psql, in parts, made from the changes that are stored now. */
export function rollbackSql(deps: RollbackDeps, run: Run, plan: Plan): AsyncIterable<string> {
  if (writesToApis(plan)) return apiRollbackNotice(run);
  return deps.store.script(rollbackScope(run, plan), createDecideUndo(deps, run, plan));
}

/** SQL cannot undo what is at an API, and a script that only removed its rows would lose track of the objects. */
async function* apiRollbackNotice(run: Run): AsyncIterable<string> {
  yield `-- Run ${run.id} wrote to an API, which SQL cannot undo. Roll it back with:\n--   drover rollback ${run.id} --reason '...'\n`;
}

/** Every table the run may have written to, parents before children. */
export function rollbackScope(run: Run, plan: Plan): RollbackScope {
  const tables = entityOrder(plan).map((entity): RollbackTable => {
    const { table, columns } = entityOf(plan, entity).target;
    const names = Object.keys(columns);
    const insertOnly = names.filter((name) => columns[name]?.insertOnly);
    return { entity, table, written: names.filter((name) => !columns[name]?.insertOnly), insertOnly };
  });
  return {
    runId: run.id,
    plan: run.plan,
    stamp: run.stamp,
    scope: identityScope(run.plan, run.targetSchema),
    schema: run.targetSchema,
    tables,
  };
}

// Suspects compared in one statement.
const batchSize = 500;

/**
 * Distinguishes a changed row from one that was written again with the same content. What the run loaded is in its clean
 * record and in the ids its references resolved to, so the row is compared with that field by field. An equal row may be
 * undone: nothing is lost. Where the payload was purged this cannot be decided, and the row stays as it is.
 */
function createDecideUndo(
  deps: Pick<RollbackDeps, 'ledger' | 'references' | 'rows'>,
  run: Run,
  plan: Plan,
): DecideUndo {
  return async (suspects) => {
    const cleared: string[] = [];
    for (const [entity, members] of groupBy(suspects, (suspect) => suspect.entity)) {
      for (let at = 0; at < members.length; at += batchSize) {
        cleared.push(...(await findUnchanged(deps, run, plan, entity, members.slice(at, at + batchSize))));
      }
    }
    return cleared;
  };
}

async function findUnchanged(
  deps: Pick<RollbackDeps, 'ledger' | 'references' | 'rows'>,
  run: Run,
  plan: Plan,
  entity: string,
  suspects: readonly Suspect[],
): Promise<string[]> {
  const cleans = await deps.ledger.cleans(
    run.id,
    entity,
    suspects.map((suspect) => suspect.sourceId),
  );
  const references = [...cleans.values()].flatMap((clean) => Object.values(clean.references ?? {}));
  const resolved = await deps.references.resolve(run, references);
  const expected = suspects.flatMap((suspect) => {
    const row = writtenRow(cleans.get(suspect.sourceId), resolved);
    return row ? [{ suspect, sourceId: suspect.sourceId, targetId: suspect.targetId, row }] : [];
  });
  const compared = await deps.rows.compare(targetScope(run, plan, entity), expected);
  return expected
    .filter((_one, index) => Array.isArray(compared[index]) && compared[index].length === 0)
    .map(({ suspect }) => suspect.changeId);
}

/** What the run wrote into the row; undefined when that is not known any more. */
function writtenRow(clean: CleanRecord | undefined, resolved: ReadonlyMap<string, Resolution>): JsonObject | undefined {
  if (!clean) return undefined;
  const row: Record<string, JsonObject[string]> = { ...clean.row };
  for (const [column, reference] of Object.entries(clean.references ?? {})) {
    const parent = resolved.get(`${reference.entity}\u0000${reference.sourceId}`);
    if (parent?.kind !== 'found') return undefined;
    row[column] = parent.targetId;
  }
  return row;
}
