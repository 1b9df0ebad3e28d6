import type { DuplicateRow } from '../../contract/records.ts';
import { emailColumnsOf, type Plan } from '../../plan/contract.ts';
import { entityOrder } from '../../plan/define-plan.ts';
import type { Run } from '../ledger/types.ts';
import { entityOf, identityScope } from '../runs/context.ts';
import type { DuplicateStore, DuplicateTable, RemovedDuplicates } from './duplicates.sql.ts';

const apiRefusal = 'it stands for an object at an API: check there which of the two is the right one';

/** Every duplicate row of the run's entities, children before parents. */
export async function findDuplicates(store: DuplicateStore, run: Run, plan: Plan): Promise<readonly DuplicateRow[]> {
  const found: DuplicateRow[] = [];
  for (const place of duplicateTables(run, plan)) {
    const rows = await store.find(place);
    found.push(...(entityOf(plan, place.entity).api ? rows.map((row) => ({ ...row, refusal: apiRefusal })) : rows));
  }
  return found;
}

/** Removes every duplicate that may be removed. Children first: a duplicate payment must not block its duplicate customer. */
export async function removeDuplicates(store: DuplicateStore, run: Run, plan: Plan): Promise<RemovedDuplicates> {
  const removed: DuplicateRow[] = [];
  const left: DuplicateRow[] = [];
  for (const place of duplicateTables(run, plan)) {
    if (entityOf(plan, place.entity).api) {
      left.push(...(await store.find(place)).map((row) => ({ ...row, refusal: apiRefusal })));
      continue;
    }
    const done = await store.remove(place, run.id);
    removed.push(...done.removed);
    left.push(...done.left);
  }
  return { removed, left };
}

/** The entity's table with what identifies a duplicate row in it. */
export function duplicateTable(run: Run, plan: Plan, entity: string): DuplicateTable {
  const { target } = entityOf(plan, entity);
  const isStamp = (name: string): boolean => target.columns[name]?.writeTimestamp === true;
  const sameTable = (other: string | undefined): boolean =>
    other !== undefined && plan.entities[other]?.target.table === target.table;
  const pointers = Object.values(plan.entities).flatMap(({ target: { table, columns, idReferences } }) => [
    ...Object.entries(columns).flatMap(([column, { references }]) =>
      sameTable(references) ? [{ table, column }] : [],
    ),
    ...(sameTable(idReferences) ? [{ table, column: 'id' }] : []),
  ]);
  const names = Object.keys(target.columns);
  return {
    scope: identityScope(run.plan, run.targetSchema),
    entity,
    schema: run.targetSchema,
    table: target.table,
    columns: names.filter((name) => !isStamp(name)),
    stamps: names.filter(isStamp),
    naturalKey: target.naturalKey ?? [],
    emailColumns: emailColumnsOf(target),
    pointers,
  };
}

// A run that writes nothing has no rows.
function duplicateTables(run: Run, plan: Plan): DuplicateTable[] {
  if (run.dryRun || run.exportOnly) return [];
  return [...entityOrder(plan)].reverse().map((entity) => duplicateTable(run, plan, entity));
}
