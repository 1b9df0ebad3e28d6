import type { PersonRow, PersonView } from '../../contract/retention.ts';
import { DroverError } from '../../errors.ts';
import type { Plan } from '../../plan/contract.ts';
import { entityOrder } from '../../plan/define-plan.ts';
import { columnAccess, maskColumns } from '../masking/mask.ts';
import type { PersonLedger, PersonTable, PersonTargets } from './types.ts';

export interface PersonDeps {
  readonly ledger: PersonLedger;
  readonly targets: PersonTargets;
  readonly plans: readonly Plan[];
}

const emailPattern = /^[^\s@]{1,128}@[^\s@]{1,255}$/;

/**
 * Everything held about one person: every record and row that holds the address, and everything that points at those
 * (a person's bookings and what was paid for them). Throws BAD_REQUEST.
 */
export async function findPersonData(deps: PersonDeps, email: string): Promise<PersonView> {
  if (!emailPattern.test(email)) {
    throw new DroverError('BAD_REQUEST', 'this is no e-mail address', { remedy: 'Give it as name@example.com.' });
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

/** A row without what was made from secrets. */
export function withoutSecrets(row: PersonRow, table: PersonTable): PersonRow {
  return { ...row, row: maskColumns(row.row, table.secret) };
}
