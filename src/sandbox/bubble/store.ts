import type { Clock } from '../core/clock.ts';
import type { MutableData } from '../core/control.ts';
import { hashText, type Random } from '../core/random.ts';
import { type Constraint, matchesConstraint, orderBy, type RowOrder, type SortKey } from './query.ts';
import { BUBBLE_TYPES, type BubbleType, isBubbleType, type Row, uid, withoutEmpty } from './schema.ts';

export type Rows = Readonly<Record<BubbleType, readonly Row[]>>;

/** The application's things. Both the API and tests, between a client's requests, change them through this class. */
export class BubbleData implements MutableData {
  readonly #tables: ReadonlyMap<BubbleType, Table>;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(rows: Rows, clock: Clock, random: Random) {
    this.#tables = new Map(BUBBLE_TYPES.map((type) => [type, new Table(rows[type])]));
    this.#clock = clock;
    this.#random = random;
  }

  /** Throws RangeError on an unknown type, as do the methods below. */
  table(type: string): Table {
    const table = isBubbleType(type) ? this.#tables.get(type) : undefined;
    if (table === undefined) throw new RangeError(`unknown type "${type}"; known: ${BUBBLE_TYPES.join(', ')}`);
    return table;
  }

  counts(): Record<BubbleType, number> {
    return Object.fromEntries(BUBBLE_TYPES.map((type) => [type, this.table(type).size])) as Record<BubbleType, number>;
  }

  ids(type: BubbleType): string[] {
    return this.table(type).ids();
  }

  get(type: string, id: string): Row | undefined {
    return this.table(type).get(id);
  }

  /** Adds a thing and returns its id. Unlike in the API, `_id` and dates may be given; the defaults are a new id and the current time. */
  insert(type: string, fields: Readonly<Record<string, unknown>>): string {
    const now = this.#clock.now();
    const date = new Date(now).toISOString();
    const defaults = { _id: uid(now, this.#random), 'Created Date': date, 'Modified Date': date };
    const row = { ...defaults, ...withoutEmpty(fields) } as Row;
    this.table(type).put(row);
    return row._id;
  }

  /** Changes fields of a thing; empty values remove them. `Modified Date` becomes the current time unless given. False when the thing does not exist. */
  modify(type: string, id: string, changes: Readonly<Record<string, unknown>>): boolean {
    const row = this.get(type, id);
    if (row === undefined) return false;
    const merged = { ...row, 'Modified Date': this.#clock.iso(), ...changes, _id: id };
    this.table(type).put(withoutEmpty(merged) as Row);
    return true;
  }

  delete(type: string, id: string): boolean {
    return this.table(type).delete(id);
  }
}

/** Whether the privacy rules hide a thing from the user token: a fixed share of things, chosen by the id alone. */
export function isHidden(id: string, share: number): boolean {
  return share > 0 && hashText(id) / 0x1_0000_0000 < share;
}

// The table of one type.

interface Selection {
  readonly version: number;
  readonly rows: readonly Row[];
}

const MAX_SELECTIONS = 16;

/** The rows of one type, with a sorted view for every requested order and the most recent selections. */
class Table {
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

  /** Adds a row, or replaces the one with the same id. */
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

  /** The rows that meet all constraints, in order. The result is shared: do not change it. */
  select(sort: readonly SortKey[], constraints: readonly Constraint[]): readonly Row[] {
    const view = this.#view(sort);
    if (constraints.length === 0) return view.rows;
    const key = JSON.stringify([sort, constraints]);
    const cached = this.#selections.get(key);
    this.#selections.delete(key);
    const rows =
      cached?.version === this.#version
        ? cached.rows
        : view.rows.filter((row) => constraints.every((constraint) => matchesConstraint(row, constraint)));
    this.#selections.set(key, { version: this.#version, rows });
    this.#dropOldest();
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

  #dropOldest(): void {
    const oldest = this.#selections.keys().next();
    if (this.#selections.size > MAX_SELECTIONS && oldest.value !== undefined) this.#selections.delete(oldest.value);
  }
}

/** All rows of a table in one order, maintained when rows change: sorting again for every page would cost more than the page. */
class SortedView {
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
    // Among equal rows this one must be found, so the search starts at the first of them.
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
