import type { ValidationCheck } from '../../control/contract.ts';
import { type Check, type CheckContext, createCheck, reportSchemaErrors } from '../check.ts';

/** Every column that points at rows of another entity points at one that is there; it is empty only where it may be. */
export const checkReferences: Check = async (context) => {
  const checks: ValidationCheck[] = [];
  for (const [column, { references, nullable, optional }] of Object.entries(context.definition.target.columns)) {
    if (references === undefined) continue;
    checks.push(...(await checkColumn(context, column, references, { nullable, optional })));
  }
  return checks;
};

async function checkColumn(
  { deps, plan, entity, place }: CheckContext,
  column: string,
  parent: string,
  of: { nullable?: boolean | undefined; optional?: boolean | undefined },
): Promise<readonly ValidationCheck[]> {
  if (of.optional && !(await deps.target.columns(place.schema, place.table)).has(column)) return [];
  const parentTable = plan.entities[parent]?.target.table ?? parent;
  const name = {
    name: `reference-${column}`,
    entity,
    description: `${column} of every row of ${entity} points at a row of ${parent}`,
  };
  const check = await reportSchemaErrors(name, async () =>
    createCheck(
      name,
      await deps.target.countOwned(place),
      await deps.target.findDangling(place, column, parentTable, of.nullable === true),
    ),
  );
  return [check];
}
