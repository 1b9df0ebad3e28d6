import type { SumLine } from '../../control/contract.ts';
import { asked, type Check, checkOf } from '../check.ts';
import type { BadRow } from '../ports.ts';
import { agrees, linesOf, moneyColumns } from '../sums.ts';

/** I7: sums by currency and status agree, and so does every single amount: two errors may cancel out in a sum. */
export const checkMoney: Check = async ({ deps, run, entity, definition, place }) => {
  const money = moneyColumns(definition);
  if (!money) return [];
  const name = { name: 'money', entity, description: `The sums of ${entity} agree by currency and status` };
  const check = await asked(name, async () => {
    const rows: BadRow[] = [];
    let checked = 0;
    const lines = await linesOf(deps, { run, place, money }, async (page) => {
      checked += page.count;
      rows.push(...(await deps.target.differing(place, money, page.records)));
    });
    const silent = await deps.ledger.withoutAmount(run.id, entity);
    const wrong = lines.filter((line) => !agrees(line));
    const description = [name.description, ...wrong.map(inWords), ...inNoSum(silent, entity)].join('; ');
    return checkOf({ ...name, description, ok: wrong.length === 0 && rows.length === 0 }, checked, rows);
  });
  return [check];
};

function inWords(line: SumLine): string {
  const { currency, status, source, target, unloaded } = line;
  return `${currency} ${status}: source ${source} is not target ${target} + unloaded ${unloaded}`;
}

function inNoSum(count: number, entity: string): readonly string[] {
  return count === 0 ? [] : [`${count} ${entity} carry no amount that could be read and are in no sum`];
}
