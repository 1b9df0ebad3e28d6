import type { Clock } from '../core/clock.ts';
import type { MutableData } from '../core/control.ts';
import { PgError } from './pg-error.ts';
import {
  type Cell,
  type ColumnType,
  compareCells,
  printCell,
  type Row,
  sameCell,
  type TableSchema,
  toCell,
} from './schema.ts';

export interface TableSeed {
  readonly schema: TableSchema;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/** The project's tables. Both the API and tests, between a client's requests, change rows in them. */
export class Database implements MutableData {
  readonly #tables: ReadonlyMap<string, Table>;
  readonly #clock: Clock;

  constructor(seeds: Readonly<Record<string, TableSeed>>, clock: Clock) {
    const tables = Object.entries(seeds).map(
      ([name, { schema, rows }]) => [name, new Table(name, schema, rows)] as const,
    );
    this.#tables = new Map(tables);
    this.#clock = clock;
  }

  find(name: string): Table | undefined {
    return this.#tables.get(name);
  }

  get names(): string[] {
    return [...this.#tables.keys()];
  }

  /** Throws RangeError on an unknown table, as do the methods below. */
  table(name: string): Table {
    const table = this.#tables.get(name);
    if (table === undefined) throw new RangeError(`unknown table "${name}"; known: ${this.names.join(', ')}`);
    return table;
  }

  counts(): Record<string, number> {
    return Object.fromEntries([...this.#tables].map(([name, { size }]) => [name, size]));
  }

  ids(name: string): string[] {
    const table = this.table(name);
    return table.rows().map((row) => table.keyOf(row));
  }

  /** The row as in the API's answer, with numbers in JavaScript's precision. */
  get(name: string, id: string): Record<string, unknown> | undefined {
    const table = this.table(name);
    const row = table.get(id);
    return row === undefined ? undefined : (JSON.parse(rowText(table, row)) as Record<string, unknown>);
  }

  insert(name: string, fields: Readonly<Record<string, unknown>>): string {
    const table = this.table(name);
    return table.keyOf(table.insert(table.cells(fields)));
  }

  /** Changes a row as another client would: `updated_at` becomes the current time unless given. */
  modify(name: string, id: string, changes: Readonly<Record<string, unknown>>): boolean {
    const table = this.table(name);
    const row = table.get(id);
    if (row === undefined) return false;
    const stamp = 'updated_at' in table.schema.columns ? { updated_at: this.#clock.iso() } : {};
    table.update(row, table.cells({ ...stamp, ...changes }));
    return true;
  }

  delete(name: string, id: string): boolean {
    const row = this.table(name).get(id);
    return row !== undefined && this.table(name).delete(row);
  }
}

function rowText(table: Table, row: Row): string {
  const cells = Object.entries(table.schema.columns).map(
    ([column, type]) => `${JSON.stringify(column)}:${printCell(row[column] ?? null, type)}`,
  );
  return `{${cells.join(',')}}`;
}

/** The rows of one table, in order of their key. */
export class Table {
  readonly name: string;
  readonly schema: TableSchema;
  readonly #rows = new Map<string, Row>();
  /** The sorted rows, so that a page by key costs no more than its rows. Undefined until first used. */
  #sorted: Row[] | undefined;

  constructor(name: string, schema: TableSchema, rows: readonly Readonly<Record<string, unknown>>[]) {
    this.name = name;
    this.schema = schema;
    for (const row of rows) this.insert(this.cells(row));
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Throws PgError 42703 on an unknown column. */
  typeOf(column: string): ColumnType {
    const type = this.schema.columns[column];
    if (type !== undefined) return type;
    throw new PgError('42703', `column ${this.name}.${column} does not exist`);
  }

  /** JSON values as cells; absent columns are left out. Throws PgError on an unknown column or an invalid value. */
  cells(values: Readonly<Record<string, unknown>>): Record<string, Cell> {
    const cells: Record<string, Cell> = {};
    for (const [column, value] of Object.entries(values)) {
      const type = this.schema.columns[column];
      if (type === undefined) throw unknownColumn(column, this.name);
      cells[column] = toCell(value, type);
    }
    return cells;
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  keyOf(row: Row): string {
    return String(row[this.schema.key]);
  }

  /** All rows in order of their key. The result is shared: do not change it. */
  rows(): readonly Row[] {
    this.#sorted ??= [...this.#rows.values()].sort((a, b) => this.#compareKeys(a, b));
    return this.#sorted;
  }

  /** The index of the first row whose key is greater than `key`, or, unless `strictly`, equal to it. */
  lowerBoundIndex(key: Cell, strictly: boolean): number {
    const rows = this.rows();
    const type = this.typeOf(this.schema.key);
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const difference = compareCells((rows[middle] as Row)[this.schema.key] as Cell, key, type);
      if (difference < 0 || (strictly && difference === 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Throws PgError, and changes nothing, when a constraint is violated. */
  insert(cells: Readonly<Record<string, Cell>>): Row {
    const row = this.#complete(cells);
    this.#assertConstraints(row, undefined);
    this.#store(row);
    return row;
  }

  /** Throws PgError, and changes nothing, when a constraint is violated. */
  update(row: Row, changes: Readonly<Record<string, Cell>>): Row {
    const after = { ...row, ...changes };
    this.#assertConstraints(after, row);
    if (this.keyOf(after) === this.keyOf(row)) {
      const index = this.lowerBoundIndex(row[this.schema.key] as Cell, false);
      this.#rows.set(this.keyOf(after), after);
      if (this.#sorted) this.#sorted[index] = after;
      return after;
    }
    this.delete(row);
    this.#store(after);
    return after;
  }

  delete(row: Row): boolean {
    if (!this.#rows.delete(this.keyOf(row))) return false;
    this.#sorted?.splice(this.lowerBoundIndex(row[this.schema.key] as Cell, false), 1);
    return true;
  }

  /** A row with the same value in a unique column. */
  findConflicting(row: Row, column: string): Row | undefined {
    if (column === this.schema.key) return this.#rows.get(String(row[column]));
    const type = this.typeOf(column);
    return this.rows().find((other) => sameCell(other[column] ?? null, row[column] ?? null, type));
  }

  #store(row: Row): void {
    this.#rows.set(this.keyOf(row), row);
    // While the initial rows are inserted there are no sorted rows yet: sorting once is cheaper than a splice for each.
    this.#sorted?.splice(this.lowerBoundIndex(row[this.schema.key] as Cell, true), 0, row);
  }

  /** A row with all columns; a missing bigint key becomes the highest key plus one. */
  #complete(cells: Readonly<Record<string, Cell>>): Row {
    const row: Record<string, Cell> = {};
    for (const column of Object.keys(this.schema.columns)) row[column] = cells[column] ?? null;
    if (row[this.schema.key] === null && this.schema.columns[this.schema.key] === 'bigint') {
      const last = this.rows().at(-1)?.[this.schema.key];
      row[this.schema.key] = BigInt((last as bigint | undefined) ?? 0n) + 1n;
    }
    return row;
  }

  #assertConstraints(row: Row, before: Row | undefined): void {
    for (const column of [this.schema.key, ...this.schema.required]) {
      if (row[column] !== null) continue;
      const message = `null value in column "${column}" of relation "${this.name}" violates not-null constraint`;
      throw new PgError('23502', message);
    }
    for (const column of [this.schema.key, ...this.schema.unique]) {
      const other = this.findConflicting(row, column);
      if (other !== undefined && other !== before) throw duplicateKey(this.name, column, row[column]);
    }
  }

  #compareKeys(a: Row, b: Row): number {
    return compareCells(a[this.schema.key] as Cell, b[this.schema.key] as Cell, this.typeOf(this.schema.key));
  }
}

function duplicateKey(table: string, column: string, value: Cell | undefined): PgError {
  const constraint = column === 'id' ? `${table}_pkey` : `${table}_${column}_key`;
  const message = `duplicate key value violates unique constraint "${constraint}"`;
  return new PgError('23505', message, `Key (${column})=(${String(value)}) already exists.`);
}

function unknownColumn(column: string, table: string): PgError {
  return new PgError('PGRST204', `Could not find the '${column}' column of '${table}' in the schema cache`);
}
