import type { FaultRule } from '../../core/fault-rule.ts';
import type { Cell } from '../store/cell.ts';
import type { ApiContext } from './context.ts';
import type { Filter } from './filter.ts';

/** Other people at work: inserts, deletes and changes rows on one side of the page's lower bound, just before it is cut. */
export function applyDataFaults(filters: readonly Filter[], context: ApiContext): void {
  for (const rule of context.faults) {
    if (rule.fault !== 'insert' && rule.fault !== 'delete' && rule.fault !== 'modify') continue;
    for (let i = 0; i < (rule.count ?? 1); i++) applyDataFault(rule, filters, context);
  }
}

function applyDataFault(
  rule: FaultRule,
  filters: readonly Filter[],
  { table, random, clock, touched }: ApiContext,
): void {
  const above = filters.find((filter) => filter.above?.column === table.schema.key)?.above;
  const border = above === undefined ? 0 : table.lowerBoundIndex(above.value, above.strictly);
  const [low, high] = rule.position === 'after' ? [border, table.size - 1] : [0, border - 1];
  const row = high < low ? undefined : table.rows()[random.int(low, high)];
  if (row === undefined) return;
  const key = table.keyOf(row);
  if (rule.fault === 'delete') table.delete(row);
  if (rule.fault === 'modify') table.update(row, { updated_at: clock.now() * 1000 });
  if (rule.fault === 'insert') {
    const last = table.rows().at(-1)?.[table.schema.key] as Cell;
    const twin = { ...row, [table.schema.key]: typeof last === 'bigint' ? last + 1n : `${String(last)}0` };
    touched.push(table.keyOf(table.insert(twin)));
    return;
  }
  touched.push(key);
}

/** The most rows a page may hold, once faults have had their say. */
export function maxPageRows({ settings, faults }: ApiContext): number {
  return faults.reduce(
    (least, rule) => (rule.fault === 'clamp' ? Math.min(least, rule.limit ?? 37) : least),
    settings.maxRows,
  );
}
