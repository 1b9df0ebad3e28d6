import { type Check, createCheck, pageSize, reportSchemaErrors } from '../check.ts';
import type { RowViolation } from '../ports.ts';

/**
 * Source against target: each record the ledger calls reconciled, unchanged, existing or merged has an identity in the
 * target, and that identity a row.
 */
export const checkRowCount: Check = async ({ deps, run, entity, place }) => {
  const name = { name: 'row-count', entity, description: `Every record of ${entity} that was loaded is in the target` };
  const check = await reportSchemaErrors(name, async () => {
    const rows: RowViolation[] = [];
    let checked = 0;
    for (let after: string | null = ''; after !== null; ) {
      const page = await deps.ledger.expectedRows(run.id, entity, after, pageSize);
      checked += page.count;
      if (page.count > 0) rows.push(...(await deps.target.findMissing(place, page.records)));
      after = page.next;
    }
    const description = `${name.description}: ${checked} expected, ${checked - rows.length} found`;
    return createCheck({ ...name, description }, checked, rows);
  });
  return [check];
};
