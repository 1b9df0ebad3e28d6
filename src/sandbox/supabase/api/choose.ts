import type { Row } from '../store/cell.ts';
import type { Table } from '../store/table.ts';
import type { Filter } from './filter.ts';
import type { Order } from './order.ts';

/**
 * The rows that meet all filters, in order, or the first `enough` of them. Without an order they come in that of the
 * key, which nobody promised.
 */
export function selectRows(table: Table, filters: readonly Filter[], order: Order | undefined, limit: number): Row[] {
  const byKey = order === undefined || order.by === table.schema.key;
  const keeps = (row: Row) => filters.every((filter) => filter.matches(row));
  if (!byKey) return table.rows().filter(keeps).sort(order.compare);
  const rows = table.rows();
  const chosen: Row[] = [];
  for (let i = firstCandidateIndex(table, filters); i < rows.length && chosen.length < limit; i++) {
    const row = rows[i] as Row;
    if (keeps(row)) chosen.push(row);
  }
  return chosen;
}

/** Where the first row can be that a lower bound of the key lets through. */
function firstCandidateIndex(table: Table, filters: readonly Filter[]): number {
  const places = filters.map(({ above }) =>
    above?.column === table.schema.key ? table.lowerBoundIndex(above.value, above.strictly) : 0,
  );
  return Math.max(0, ...places);
}
