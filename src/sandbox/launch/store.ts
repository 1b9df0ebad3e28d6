import type { MutableData } from '../core/control.ts';

type Row = Readonly<Record<string, unknown>> & { readonly id: string | number };

/** The records of an upstream by kind, each list in the order its API shows. Tests change them between requests. */
export class LaunchStore<Kind extends string> implements MutableData {
  readonly #rows: Readonly<Record<Kind, Map<string, Row>>>;
  readonly #sorted = new Map<string, readonly Row[]>();
  readonly #order: (a: Row, b: Row) => number;

  constructor(rows: Readonly<Record<Kind, readonly Row[]>>, order: (a: Row, b: Row) => number) {
    const maps = Object.entries(rows).map(([kind, list]) => [
      kind,
      new Map((list as Row[]).map((row) => [String(row.id), row])),
    ]);
    this.#rows = Object.fromEntries(maps) as Record<Kind, Map<string, Row>>;
    this.#order = order;
  }

  /** All of a kind in order; shared, not to be changed. */
  list(kind: Kind): readonly Row[] {
    const known = this.#sorted.get(kind);
    if (known !== undefined) return known;
    const sorted = [...this.#of(kind).values()].sort(this.#order);
    this.#sorted.set(kind, sorted);
    return sorted;
  }

  counts(): Record<string, number> {
    return Object.fromEntries(Object.entries<Map<string, Row>>(this.#rows).map(([kind, rows]) => [kind, rows.size]));
  }

  get(kind: string, id: string): Row | undefined {
    return this.#of(kind).get(id);
  }

  insert(kind: string, fields: Readonly<Record<string, unknown>>): string {
    const { id } = fields;
    if (typeof id !== 'string' && typeof id !== 'number') throw new RangeError(`a record of ${kind} needs its id`);
    this.#of(kind).set(String(id), { ...fields, id });
    this.#sorted.delete(kind);
    return String(id);
  }

  modify(kind: string, id: string, changes: Readonly<Record<string, unknown>>): boolean {
    const row = this.get(kind, id);
    if (row === undefined) return false;
    this.#of(kind).set(id, { ...row, ...changes, id: row.id });
    this.#sorted.delete(kind);
    return true;
  }

  delete(kind: string, id: string): boolean {
    this.#sorted.delete(kind);
    return this.#of(kind).delete(id);
  }

  #of(kind: string): Map<string, Row> {
    const rows = this.#rows[kind as Kind];
    if (rows === undefined) throw new RangeError(`no kind "${kind}"; there are ${Object.keys(this.#rows).join(', ')}`);
    return rows;
  }
}

export type { Row };
