import type { RollbackView } from '../../contract/runs.ts';
import type { Plan } from '../../plan/contract.ts';
import { entityOrder } from '../../plan/define-plan.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { TargetPort } from '../../plan/target.ts';
import type { CleanRecord, Ledger, Resolution, Run } from '../ledger/types.ts';
import { entityOf, identityScope, targetScope } from '../runs/context.ts';
import { groupBy } from '../stages/batching.ts';
import { type UndoApisDeps, type UndoOptions, undoApis, writesToApis } from './api-undo.ts';
import type { RollbackProgress } from './background.sql.ts';
import type { DecideUndo, RollbackLedger, RollbackScope, RollbackStore, RollbackTable, Suspect } from './types.ts';

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
  // Effects at APIs are undone one by one: the watermarks are gone before the first. Tables are undone in one transaction.
  if (!options.dryRun && writesToApis(plan)) await deps.store.dropWatermarks(run.plan, run.targetSchema);
  const api = await undoApis(deps, run, plan, options);
  // The tables that say what is at an API say so until everything is taken back there.
  if (api.conflicts.length > 0) return finishedRollbackView(run.id, options.dryRun, api);
  const rows = await deps.store.undo(rollbackScope(run, plan), createDecideUndo(deps, run, plan), options.dryRun);
  const undone = writesToApis(plan) ? { ...api, conflicts: rows.conflicts } : rows;
  if (rows.conflicts.length > 0) await options.onPiece?.({ removed: 0, restored: 0, conflicts: rows.conflicts });
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

// A row was written again by somebody; this many are looked at in one statement.
const batchSize = 500;

/**
 * Tells an edit from a rewrite. What the run loaded is still known (its clean record and the ids its references got),
 * so the row as it is now is compared with it field by field. A row that is equal may be undone: nothing would be
 * lost. Where the payload was purged nobody can tell, and the row is left alone.
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
  const stands = await deps.references.resolve(run, references);
  const expected = suspects.flatMap((suspect) => {
    const row = writtenRow(cleans.get(suspect.sourceId), stands);
    return row ? [{ suspect, sourceId: suspect.sourceId, targetId: suspect.targetId, row }] : [];
  });
  const compared = await deps.rows.compare(targetScope(run, plan, entity), expected);
  return expected
    .filter((_one, index) => Array.isArray(compared[index]) && compared[index].length === 0)
    .map(({ suspect }) => suspect.changeId);
}

/** What the run wrote into the row, or undefined when that is not known any more. */
function writtenRow(clean: CleanRecord | undefined, stands: ReadonlyMap<string, Resolution>): JsonObject | undefined {
  if (!clean) return undefined;
  const row: Record<string, JsonObject[string]> = { ...clean.row };
  for (const [column, reference] of Object.entries(clean.references ?? {})) {
    const stand = stands.get(`${reference.entity}\u0000${reference.sourceId}`);
    if (stand?.kind !== 'found') return undefined;
    row[column] = stand.targetId;
  }
  return row;
}
