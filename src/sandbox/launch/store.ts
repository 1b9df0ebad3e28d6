import type { MutableData } from '../core/control.ts';
import type { FaultRule } from '../core/faults.ts';

export type Row = Readonly<Record<string, unknown>> & { readonly id: string | number };

/** The records of an upstream by kind, each list in the order of its API. Tests change them between requests. */
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

  /** All records of a kind in order. The result is shared: do not change it. */
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
    if (typeof id !== 'string' && typeof id !== 'number') throw new RangeError(`a record of ${kind} must have an id`);
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
    if (rows === undefined)
      throw new RangeError(`unknown kind "${kind}"; known: ${Object.keys(this.#rows).join(', ')}`);
    return rows;
  }
}

interface PageRequest {
  readonly rows: readonly Row[];
  /** The id of the last record of the page before; null for the first page. */
  readonly after: string | null;
  readonly limit: number;
}

interface Page {
  readonly rows: readonly Row[];
  readonly hasMore: boolean;
}

/** Selects a page after a record, with the faults that change pages. Undefined when no record has the id `after`. */
export function selectPage({ rows, after, limit }: PageRequest, faults: readonly FaultRule[]): Page | undefined {
  const at = after === null ? 0 : rows.findIndex((row) => String(row.id) === after) + 1;
  if (after !== null && at === 0) return undefined;
  let [start, maxPageSize] = [at, limit];
  for (const rule of faults) {
    if (rule.fault === 'clamp') maxPageSize = Math.min(maxPageSize, rule.limit ?? 37);
    if (rule.fault === 'repeat-page') start = Math.max(0, start - maxPageSize);
  }
  return { rows: rows.slice(start, start + maxPageSize), hasMore: start + maxPageSize < rows.length };
}

/**
 * Simulates concurrent changes: calls `change` with records before or after the cursor, to copy, change or delete them.
 * Returns the ids that `change` returns.
 */
export function applyDataFaults(
  request: Pick<PageRequest, 'rows' | 'after'>,
  faults: readonly FaultRule[],
  change: (fault: 'insert' | 'delete' | 'modify', row: Row) => string,
): string[] {
  const touched: string[] = [];
  const at = request.after === null ? 0 : request.rows.findIndex((row) => String(row.id) === request.after) + 1;
  for (const { fault, count = 1, position } of faults) {
    if (fault !== 'insert' && fault !== 'delete' && fault !== 'modify') continue;
    const side = position === 'after' ? request.rows.slice(at) : request.rows.slice(0, Math.max(0, at - 1));
    for (const row of side.slice(-count)) touched.push(change(fault, row));
  }
  return touched;
}
