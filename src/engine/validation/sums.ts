import Big from 'big.js';
import type { Column, Entity, Plan } from '../../plan/contract.ts';
import type { SumLine } from '../control/contract.ts';
import { identityScope } from '../identity-scope.ts';
import type { Run } from '../ports.ts';
import { pageSize } from './check.ts';
import type { MoneyColumns, MoneyPage, TargetTable, ValidationLedger, ValidationTarget } from './ports.ts';

export interface SumsDeps {
  readonly ledger: Pick<ValidationLedger, 'money'>;
  readonly target: Pick<ValidationTarget, 'sums'>;
}

/** Money of one entity on both sides. */
export interface EntityMoney {
  readonly run: Run;
  readonly place: TargetTable;
  readonly money: MoneyColumns;
}

/** Sums by currency and status of every entity of the run that carries money, in the order of the entities. */
export async function computeSums(
  deps: SumsDeps,
  run: Run,
  plan: Plan,
  entities: readonly string[],
): Promise<readonly SumLine[]> {
  const lines: SumLine[] = [];
  for (const entity of entities) {
    const definition = plan.entities[entity];
    const money = definition && moneyColumns(definition);
    if (!definition || !money) continue;
    const scope = identityScope(run.plan, run.targetSchema);
    const place = { scope, entity, schema: run.targetSchema, table: definition.target.table };
    lines.push(...(await computeSumLines(deps, { run, place, money })));
  }
  return lines;
}

/** The columns of the entity that carry money. Whole-number columns hold minor units, others a decimal in major ones. */
export function moneyColumns(definition: Entity): MoneyColumns | undefined {
  const { money, target } = definition;
  if (!money) return undefined;
  const column: Column | undefined = target.columns[money.amount];
  return { ...money, minor: column?.type === 'bigint' || column?.type === 'integer' };
}

/**
 * One pass over the ledger, page by page; each record is read once, so source = loaded + unloaded whatever moves
 * meanwhile. What is loaded is then summed again from the rows of the target, where its identities point.
 * `look` sees each page as it goes by.
 */
export async function computeSumLines(
  deps: SumsDeps,
  { run, place, money }: EntityMoney,
  onPage?: (page: MoneyPage) => Promise<void>,
): Promise<readonly SumLine[]> {
  const lines = new Map<string, { currency: string; status: string; source: Big; unloaded: Big; target: Big }>();
  const lineOf = (currency: string, status: string) => {
    const key = JSON.stringify([currency, status]);
    const line = lines.get(key) ?? { currency, status, source: Big(0), unloaded: Big(0), target: Big(0) };
    lines.set(key, line);
    return line;
  };
  for (let after: string | null = ''; after !== null; ) {
    const page = await deps.ledger.money(run.id, place.entity, after, pageSize);
    for (const group of page.groups) {
      const line = lineOf(group.currency, group.status);
      line.source = line.source.plus(group.source);
      line.unloaded = line.unloaded.plus(run.rolledBackAt ? group.source : group.unloaded);
    }
    if (page.count > 0 && !run.rolledBackAt) {
      for (const sum of await deps.target.sums(place, money, page.records)) {
        const line = lineOf(sum.currency, sum.status);
        line.target = line.target.plus(sum.minor);
      }
      await onPage?.(page);
    }
    after = page.next;
  }
  return [...lines.values()].sort(byName).map((line) => ({
    entity: place.entity,
    currency: line.currency,
    status: line.status,
    source: line.source.toFixed(),
    target: line.target.toFixed(),
    unloaded: line.unloaded.toFixed(),
  }));
}

/** True when what was extracted is what the target holds and what was not loaded, to the minor unit. */
export function sumsAgree(line: SumLine): boolean {
  return Big(line.source).eq(Big(line.target).plus(line.unloaded));
}

function byName(a: { currency: string; status: string }, b: { currency: string; status: string }): number {
  const [left, right] = [`${a.currency} ${a.status}`, `${b.currency} ${b.status}`];
  return left < right ? -1 : left > right ? 1 : 0;
}
