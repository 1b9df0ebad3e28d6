import type { MutableData } from '../core/control.ts';
import type { FaultRule } from '../core/faults.ts';

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

export interface PageRequest {
  readonly rows: readonly Row[];
  /** Show what comes after the record of this id. */
  readonly after: string | null;
  readonly limit: number;
}

export interface Page {
  readonly rows: readonly Row[];
  readonly hasMore: boolean;
}

/** Cuts a page by keyset, once the faults have had their say. Undefined when there is no record of the id. */
export function selectPage({ rows, after, limit }: PageRequest, faults: readonly FaultRule[]): Page | undefined {
  const at = after === null ? 0 : rows.findIndex((row) => String(row.id) === after) + 1;
  if (after !== null && at === 0) return undefined;
  let [start, most] = [at, limit];
  for (const rule of faults) {
    if (rule.fault === 'clamp') most = Math.min(most, rule.limit ?? 37);
    if (rule.fault === 'repeat-page') start = Math.max(0, start - most);
  }
  return { rows: rows.slice(start, start + most), hasMore: start + most < rows.length };
}

/** Other people at work while pages are read: a twin of a record before or after the cursor, a change, a deletion. */
export function applyDataFaults(
  asked: Pick<PageRequest, 'rows' | 'after'>,
  faults: readonly FaultRule[],
  change: (fault: 'insert' | 'delete' | 'modify', row: Row) => string,
): string[] {
  const touched: string[] = [];
  const at = asked.after === null ? 0 : asked.rows.findIndex((row) => String(row.id) === asked.after) + 1;
  for (const { fault, count = 1, position } of faults) {
    if (fault !== 'insert' && fault !== 'delete' && fault !== 'modify') continue;
    const side = position === 'after' ? asked.rows.slice(at) : asked.rows.slice(0, Math.max(0, at - 1));
    for (const row of side.slice(-count)) touched.push(change(fault, row));
  }
  return touched;
}
