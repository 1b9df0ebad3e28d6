import type { Row } from '../row.ts';
import type { Constraint } from './constraint.ts';
import { matchesConstraint } from './constraint.ts';
import { orderBy, type SortKey } from './sort.ts';
import { SortedView } from './sorted-view.ts';

interface Selection {
  readonly version: number;
  readonly rows: readonly Row[];
}

const MAX_SELECTIONS = 16;

/** The rows of one type, with a sorted view for every order that was asked for and the last few selections from them. */
export class Table {
  readonly #rows = new Map<string, Row>();
  readonly #views = new Map<string, SortedView>();
  readonly #selections = new Map<string, Selection>();
  #version = 0;

  constructor(rows: readonly Row[]) {
    for (const row of rows) this.#rows.set(row._id, row);
  }

  get size(): number {
    return this.#rows.size;
  }

  get(id: string): Row | undefined {
    return this.#rows.get(id);
  }

  ids(): string[] {
    return [...this.#rows.keys()];
  }

  /** Adds a row, or puts it in the place of the one with the same id. */
  put(row: Row): void {
    this.delete(row._id);
    this.#rows.set(row._id, row);
    for (const view of this.#views.values()) view.insert(row);
    this.#version++;
  }

  delete(id: string): boolean {
    const row = this.#rows.get(id);
    if (row === undefined) return false;
    this.#rows.delete(id);
    for (const view of this.#views.values()) view.remove(row);
    this.#version++;
    return true;
  }

  /** Every row that meets all constraints, in order. The result is shared: do not change it. */
  select(sort: readonly SortKey[], constraints: readonly Constraint[]): readonly Row[] {
    const view = this.#view(sort);
    if (constraints.length === 0) return view.rows;
    const key = JSON.stringify([sort, constraints]);
    const known = this.#selections.get(key);
    this.#selections.delete(key);
    const rows =
      known?.version === this.#version
        ? known.rows
        : view.rows.filter((row) => constraints.every((constraint) => matchesConstraint(row, constraint)));
    this.#selections.set(key, { version: this.#version, rows });
    this.#forgetOldest();
    return rows;
  }

  #view(sort: readonly SortKey[]): SortedView {
    const key = JSON.stringify(sort);
    let view = this.#views.get(key);
    if (view === undefined) {
      view = new SortedView(this.#rows.values(), orderBy(sort));
      this.#views.set(key, view);
    }
    return view;
  }

  #forgetOldest(): void {
    const oldest = this.#selections.keys().next();
    if (this.#selections.size > MAX_SELECTIONS && oldest.value !== undefined) this.#selections.delete(oldest.value);
  }
}
