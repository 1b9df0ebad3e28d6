import type { ColumnType } from '../schema.ts';
import type { Cell, Row } from '../store/cell.ts';
import type { Table } from '../store/table.ts';

/** A column, or a place inside a jsonb one: `metadata->>colour`. */
export interface ColumnPath {
  readonly column: string;
  readonly type: ColumnType;
  read(row: Row): Cell;
}

/** Throws PgError 42703 for a column the table has not. */
export function columnPath(text: string, table: Table): ColumnPath {
  const [column = '', ...steps] = text.split(/(->>|->)/);
  const type = table.typeOf(column);
  if (steps.length === 0) return { column, type, read: (row) => row[column] ?? null };
  const keys = steps.filter((_, i) => i % 2 === 1);
  const inside = (row: Row) =>
    keys.reduce<unknown>((value, key) => (value as Record<string, unknown> | null)?.[key] ?? null, row[column]);
  if (steps.at(-2) === '->')
    return { column: keys.at(-1) ?? column, type: 'jsonb', read: (row) => inside(row) as Cell };
  const asText = (value: unknown) =>
    value === null ? null : typeof value === 'string' ? value : JSON.stringify(value);
  return { column: keys.at(-1) ?? column, type: 'text', read: (row) => asText(inside(row)) };
}
