import type { Plan } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import { groupBy } from '../group-by.ts';
import type { CleanRecord, Resolution, Run } from '../ports.ts';
import { targetScope } from '../target-scope.ts';
import type { DecideUndo, Suspect } from './ports.ts';
import type { RollbackDeps } from './rollback-run.ts';

// A row was written again by somebody; this many are looked at in one statement.
const batchSize = 500;

/**
 * Tells an edit from a rewrite. What the run loaded is still known (its clean record and the ids its references got),
 * so the row as it is now is compared with it field by field. A row that is equal may be undone: nothing would be
 * lost. Where the payload was purged nobody can tell, and the row is left alone.
 */
export function createDecideUndo(
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
