import type { Plan } from '../../plan/contract.ts';
import { entityOrder } from '../../plan/define-plan.ts';
import type { TargetPort } from '../../plan/target.ts';
import { entityOf } from '../contexts.ts';
import type { RollbackView } from '../control/contract.ts';
import { type UndoApisDeps, type UndoOptions, undoApis, writesToApis } from '../effects/undo-run.ts';
import { identityScope } from '../identity-scope.ts';
import type { Ledger, Run } from '../ports.ts';
import type { RollbackProgress } from './api-ports.ts';
import { createDecideUndo } from './judge.ts';
import type { RollbackLedger, RollbackScope, RollbackStore, RollbackTable } from './ports.ts';

export interface RollbackDeps extends UndoApisDeps {
  readonly store: RollbackStore;
  readonly ledger: RollbackLedger;
  /** Finds the records references name. */
  readonly references: Pick<Ledger, 'resolve'>;
  readonly rows: Pick<TargetPort, 'compare'>;
}

/**
 * Takes back what a run wrote, and nothing else: rows it made are removed, rows it changed become what they were,
 * identities too. Rows that others have changed since, or that others point at, are left alone and listed; what could
 * not be undone now can be undone later by asking again.
 */
export async function rollbackRun(
  deps: RollbackDeps,
  run: Run,
  plan: Plan,
  options: UndoOptions,
): Promise<RollbackView> {
  const api = await undoApis(deps, run, plan, options);
  // The tables that say what is at an API say so until everything is taken back there.
  if (api.conflicts.length > 0) return finishedRollbackView(run.id, options.dryRun, api);
  const rows = await deps.store.undo(rollbackScope(run, plan), createDecideUndo(deps, run, plan), options.dryRun);
  const undone = writesToApis(plan) ? { ...api, conflicts: rows.conflicts } : rows;
  if (rows.conflicts.length > 0) await options.onPiece?.({ removed: 0, restored: 0, conflicts: rows.conflicts });
  if (!options.dryRun) await deps.ledger.dropWatermarks(run.id);
  return finishedRollbackView(run.id, options.dryRun, undone);
}

/** What came of a rollback that is at its end. */
export function finishedRollbackView(
  runId: string,
  dryRun: boolean,
  { removed, restored, conflicts }: RollbackProgress,
): RollbackView {
  const done = removed + restored;
  const total = done + conflicts.length;
  return { runId, dryRun, status: 'done', done, total, removed, restored, conflicts, error: null };
}

/** The same as a file for psql, in pieces, made from the changes that are there now. */
export function rollbackSql(deps: RollbackDeps, run: Run, plan: Plan): AsyncIterable<string> {
  if (writesToApis(plan)) return apiRollbackNotice(run);
  return deps.store.script(rollbackScope(run, plan), createDecideUndo(deps, run, plan));
}

/** No SQL takes back what is at an API; a script that only forgot it would be worse than none. */
async function* apiRollbackNotice(run: Run): AsyncIterable<string> {
  yield `-- Run ${run.id} wrote to an API, which SQL cannot take back. Roll it back with:\n--   drover rollback ${run.id}\n`;
}

/** Everything the run may have written, parents before children. */
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
