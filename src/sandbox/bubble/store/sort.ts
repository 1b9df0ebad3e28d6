import { type Row, readField } from '../row.ts';

export interface SortKey {
  readonly field: string;
  readonly descending: boolean;
}

export type RowOrder = (a: Row, b: Row) => number;

/**
 * An order by the given keys. Rows that tie keep the order in which they were stored, which is not that of their ids:
 * a client that wants a stable order must ask for one.
 */
export function orderBy(keys: readonly SortKey[]): RowOrder {
  return (a, b) => {
    for (const { field, descending } of keys) {
      const difference = compareValues(readField(a, field), readField(b, field));
      if (difference !== 0) return descending ? -difference : difference;
    }
    return 0;
  };
}

/** Empty first, then by type, then by value; text by code unit, so that ISO dates fall in order of time. */
export function compareValues(a: unknown, b: unknown): number {
  if (a === b) return 0;
  if (a === undefined) return -1;
  if (b === undefined) return 1;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : 1;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === typeof b) return compareText(JSON.stringify(a), JSON.stringify(b));
  return compareText(typeof a, typeof b);
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
