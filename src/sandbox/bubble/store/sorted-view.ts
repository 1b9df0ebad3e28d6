import type { Row } from '../row.ts';
import type { RowOrder } from './sort.ts';

/** All rows of a table in one order, kept so while rows come and go: sorting anew for every page would cost more than the page. */
export class SortedView {
  readonly #order: RowOrder;
  readonly #rows: Row[];

  constructor(rows: Iterable<Row>, order: RowOrder) {
    this.#order = order;
    this.#rows = [...rows].sort(order);
  }

  get rows(): readonly Row[] {
    return this.#rows;
  }

  insert(row: Row): void {
    this.#rows.splice(this.#firstAfter(row, 1), 0, row);
  }

  remove(row: Row): void {
    // Among ties the row itself must be found, so the search starts at the first of them.
    for (let i = this.#firstAfter(row, 0); i < this.#rows.length; i++) {
      if (this.#rows[i] !== row) continue;
      this.#rows.splice(i, 1);
      return;
    }
  }

  /** The first position whose row sorts at or after (`bound` 0) or strictly after (`bound` 1) the given one. */
  #firstAfter(row: Row, bound: 0 | 1): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#order(this.#rows[middle] as Row, row) < bound) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
