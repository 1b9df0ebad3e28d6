import type { Clock } from '../../core/clock.ts';
import type { MutableData } from '../../core/control.ts';
import type { TableSchema } from '../schema.ts';
import type { Row } from './cell.ts';
import { printCell } from './print.ts';
import { Table } from './table.ts';

export interface TableSeed {
  readonly schema: TableSchema;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/** The project's tables. Tests change rows between a client's requests; the API's own writes go through the tables as well. */
export class Database implements MutableData {
  readonly #tables: ReadonlyMap<string, Table>;
  readonly #clock: Clock;

  constructor(seeds: Readonly<Record<string, TableSeed>>, clock: Clock) {
    const made = Object.entries(seeds).map(
      ([name, { schema, rows }]) => [name, new Table(name, schema, rows)] as const,
    );
    this.#tables = new Map(made);
    this.#clock = clock;
  }

  find(name: string): Table | undefined {
    return this.#tables.get(name);
  }

  get names(): string[] {
    return [...this.#tables.keys()];
  }

  table(name: string): Table {
    const table = this.#tables.get(name);
    if (table === undefined) throw new RangeError(`no table "${name}"; there are ${this.names.join(', ')}`);
    return table;
  }

  counts(): Record<string, number> {
    return Object.fromEntries([...this.#tables].map(([name, { size }]) => [name, size]));
  }

  ids(name: string): string[] {
    const table = this.table(name);
    return table.rows().map((row) => table.keyOf(row));
  }

  /** The row as the API would give it, long numbers cut to what JavaScript holds. */
  get(name: string, id: string): Record<string, unknown> | undefined {
    const table = this.table(name);
    const row = table.get(id);
    return row === undefined ? undefined : (JSON.parse(rowText(table, row)) as Record<string, unknown>);
  }

  insert(name: string, fields: Readonly<Record<string, unknown>>): string {
    const table = this.table(name);
    return table.keyOf(table.insert(table.cells(fields)));
  }

  /** Changes a row as somebody else would: `updated_at` becomes now unless given. */
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
