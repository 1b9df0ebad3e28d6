import { PgError } from '../pg-error.ts';
import { compareCells, type Row } from '../store/cell.ts';
import type { Table } from '../store/table.ts';
import { columnPath } from './column-path.ts';

export interface Order {
  /** The only column it goes by, upwards: then rows by key need no sorting. */
  readonly by?: string;
  compare(a: Row, b: Row): number;
}

/** `price.desc.nullslast,id.asc`; undefined when nobody asks for an order. Throws PgError. */
export function parseOrder(text: string | null, table: Table): Order | undefined {
  if (text === null || text === '') return undefined;
  const keys = text.split(',').map((item) => orderKey(item, table));
  const [first] = keys;
  const compare = (a: Row, b: Row) => {
    for (const key of keys) {
      const difference = key.compare(a, b);
      if (difference !== 0) return difference;
    }
    return 0;
  };
  return { compare, ...(keys.length === 1 && first?.descending === false ? { by: first.column } : {}) };
}

function orderKey(item: string, table: Table) {
  const match = /^([^.]+)(?:\.(asc|desc))?(?:\.(nullsfirst|nullslast))?$/.exec(item.trim());
  if (match === null) throw new PgError('PGRST100', `"failed to parse order (${item})" (line 1, column 1)`);
  const [, name = '', direction = 'asc', nulls = direction === 'asc' ? 'nullslast' : 'nullsfirst'] = match;
  const path = columnPath(name, table);
  const descending = direction === 'desc';
  const compare = (a: Row, b: Row) => {
    const [x, y] = [path.read(a), path.read(b)];
    if (x === null || y === null) return x === y ? 0 : (x === null) === (nulls === 'nullsfirst') ? -1 : 1;
    return compareCells(x, y, path.type) * (descending ? -1 : 1);
  };
  return { column: name, descending, compare };
}
