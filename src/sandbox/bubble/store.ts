import type { Clock } from '../core/clock.ts';
import type { MutableData } from '../core/control.ts';
import { hashText, type Random } from '../core/random.ts';
import { type Constraint, matchesConstraint, orderBy, type RowOrder, type SortKey } from './query.ts';
import { BUBBLE_TYPES, type BubbleType, isBubbleType, type Row, uid, withoutEmpty } from './schema.ts';

interface Selection {
  readonly version: number;
  readonly rows: readonly Row[];
}

const MAX_SELECTIONS = 16;

/** The rows of one type, with a sorted view for every order that was asked for and the last few selections from them. */
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

/** All rows of a table in one order, kept so while rows come and go: sorting anew for every page would cost more than the page. */
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

export type Rows = Readonly<Record<BubbleType, readonly Row[]>>;

/** The application's things. Tests change them between a client's requests; the API's own writes go through here as well. */
export class BubbleData implements MutableData {
  readonly #tables: ReadonlyMap<BubbleType, Table>;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(rows: Rows, clock: Clock, random: Random) {
    this.#tables = new Map(BUBBLE_TYPES.map((type) => [type, new Table(rows[type])]));
    this.#clock = clock;
    this.#random = random;
  }

  table(type: string): Table {
    const table = isBubbleType(type) ? this.#tables.get(type) : undefined;
    if (table === undefined) throw new RangeError(`no type "${type}"; there are ${BUBBLE_TYPES.join(', ')}`);
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

  /** Adds a thing. `_id` and dates may be given, unlike through the API; they default to a new id and now. */
  insert(type: string, fields: Readonly<Record<string, unknown>>): string {
    const now = this.#clock.now();
    const date = new Date(now).toISOString();
    const defaults = { _id: uid(now, this.#random), 'Created Date': date, 'Modified Date': date };
    const row = { ...defaults, ...withoutEmpty(fields) } as Row;
    this.table(type).put(row);
    return row._id;
  }

  /** Changes fields of a thing; empty values remove them. `Modified Date` becomes now unless given. False when there is no such thing. */
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

/** Whether the privacy rules keep a thing from a user token: a fixed share, chosen by the id alone. */
export function isHidden(id: string, share: number): boolean {
  return share > 0 && hashText(id) / 0x1_0000_0000 < share;
}
