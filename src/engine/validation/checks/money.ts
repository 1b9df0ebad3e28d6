import type { SumLine } from '../../control/contract.ts';
import { type Check, createCheck, reportSchemaErrors } from '../check.ts';
import type { RowViolation } from '../ports.ts';
import { computeSumLines, moneyColumns, sumsAgree } from '../sums.ts';

/** I7: sums by currency and status agree, and so does every single amount: two errors may cancel out in a sum. */
export const checkMoney: Check = async ({ deps, run, entity, definition, place }) => {
  const money = moneyColumns(definition);
  if (!money) return [];
  const name = { name: 'money', entity, description: `The sums of ${entity} agree by currency and status` };
  const check = await reportSchemaErrors(name, async () => {
    const rows: RowViolation[] = [];
    let checked = 0;
    const lines = await computeSumLines(deps, { run, place, money }, async (page) => {
      checked += page.count;
      rows.push(...(await deps.target.findAmountDifferences(place, money, page.records)));
    });
    const silent = await deps.ledger.countWithoutAmount(run.id, entity);
    const wrong = lines.filter((line) => !sumsAgree(line));
    const description = [
      name.description,
      ...wrong.map(describeDifference),
      ...describeMissingAmounts(silent, entity),
    ].join('; ');
    return createCheck({ ...name, description, ok: wrong.length === 0 && rows.length === 0 }, checked, rows);
  });
  return [check];
};

function describeDifference(line: SumLine): string {
  const { currency, status, source, target, unloaded } = line;
  return `${currency} ${status}: source ${source} is not target ${target} + unloaded ${unloaded}`;
}

function describeMissingAmounts(count: number, entity: string): readonly string[] {
  return count === 0 ? [] : [`${count} ${entity} carry no amount that could be read and are in no sum`];
}
