import { asked, type Check, checkOf, pageSize } from '../check.ts';
import type { BadRow } from '../ports.ts';

/**
 * Source against target: each record the ledger calls reconciled, unchanged, existing or merged has an identity in the
 * target, and that identity a row.
 */
export const checkRowCount: Check = async ({ deps, run, entity, place }) => {
  const name = { name: 'row-count', entity, description: `Every record of ${entity} that was loaded is in the target` };
  const check = await asked(name, async () => {
    const rows: BadRow[] = [];
    let checked = 0;
    for (let after: string | null = ''; after !== null; ) {
      const page = await deps.ledger.landed(run.id, entity, after, pageSize);
      checked += page.count;
      if (page.count > 0) rows.push(...(await deps.target.missing(place, page.records)));
      after = page.next;
    }
    const description = `${name.description}: ${checked} expected, ${checked - rows.length} found`;
    return checkOf({ ...name, description }, checked, rows);
  });
  return [check];
};
