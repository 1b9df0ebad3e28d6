import type { PersonRow, PersonView } from '../../contract/retention.ts';
import { DroverError } from '../../errors.ts';
import type { Plan } from '../../plan/contract.ts';
import { entityOrder } from '../../plan/define-plan.ts';
import { columnAccess } from '../masking/mask.ts';
import type { PersonLedger, PersonTargets } from './store.ts';
import type { PersonTable } from './types.ts';

export interface PersonDeps {
  readonly ledger: PersonLedger;
  readonly targets: PersonTargets;
  readonly plans: readonly Plan[];
}

const emailPattern = /^[^\s@]{1,128}@[^\s@]{1,255}$/;

/**
 * All data about one person: every record and row that contains the address, and everything that references those (the
 * person's bookings and their payments). Throws BAD_REQUEST.
 */
export async function findPersonData(deps: PersonDeps, email: string): Promise<PersonView> {
  if (!emailPattern.test(email)) {
    throw new DroverError('BAD_REQUEST', 'this is not an e-mail address', { remedy: 'Write it as name@example.com.' });
  }
  const records = await deps.ledger.records(email);
  const ids = [...new Set(records.flatMap(({ targetId }) => targetId ?? []))];
  const rows = await rowsOf(deps, email, ids);
  const befores = await deps.targets.beforeImages(email, [...new Set([...ids, ...rows.map((row) => row.id)])]);
  return { email, at: new Date().toISOString(), records, rows, befores };
}

async function rowsOf(deps: PersonDeps, email: string, ids: readonly string[]): Promise<readonly PersonRow[]> {
  const rows: PersonRow[] = [];
  for (const { plan: name, targetSchema } of await deps.ledger.targetSchemas()) {
    const plan = deps.plans.find((one) => one.name === name);
    if (plan) rows.push(...(await deps.targets.rows(email, personTables(plan, targetSchema), ids)));
  }
  return rows;
}

function personTables(plan: Plan, schema: string): readonly PersonTable[] {
  return entityOrder(plan).flatMap((name): PersonTable[] => {
    const entity = plan.entities[name];
    if (!entity) return [];
    const { table, columns } = entity.target;
    const references = Object.entries(columns).flatMap(([column, { references: parent }]) => {
      const of = parent === undefined ? undefined : plan.entities[parent];
      return of ? [[column, of.target.table] as const] : [];
    });
    const { secret } = columnAccess(entity, Object.keys(columns));
    return [{ entity: name, schema, table, references: Object.fromEntries(references), secret }];
  });
}
