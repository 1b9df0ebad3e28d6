import type { Row } from '../store/cell.ts';
import type { Table } from '../store/table.ts';
import type { Filter } from './filter.ts';
import type { Order } from './order.ts';

/**
 * The rows that meet all filters, in order, or the first `enough` of them. Without an order they come in that of the
 * key, which nobody promised.
 */
export function choose(table: Table, filters: readonly Filter[], order: Order | undefined, enough: number): Row[] {
  const byKey = order === undefined || order.by === table.schema.key;
  const keeps = (row: Row) => filters.every((filter) => filter.keeps(row));
  if (!byKey) return table.rows().filter(keeps).sort(order.compare);
  const rows = table.rows();
  const chosen: Row[] = [];
  for (let i = startOf(table, filters); i < rows.length && chosen.length < enough; i++) {
    const row = rows[i] as Row;
    if (keeps(row)) chosen.push(row);
  }
  return chosen;
}

/** Where the first row can be that a lower bound of the key lets through. */
function startOf(table: Table, filters: readonly Filter[]): number {
  const places = filters.map(({ above }) =>
    above?.column === table.schema.key ? table.placeOf(above.value, above.strictly) : 0,
  );
  return Math.max(0, ...places);
}
