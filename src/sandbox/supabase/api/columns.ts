import { PgError } from '../pg-error.ts';
import { type Cell, type ColumnType, compareCells, printAsText, printCell, type Row } from '../schema.ts';
import type { Table } from '../store.ts';

/** Prints a row as JSON text with the selected columns. */
export type Printer = (row: Row) => string;

/** Parses `id::text,title:name,metadata->>colour,*`. Throws PgError. */
export function parseSelect(select: string | null, table: Table): Printer {
  const items = select === null || select === '' ? ['*'] : splitList(select.replace(/\s/g, ''));
  const printers = items.flatMap((item) => (item === '*' ? allColumns(table) : [columnPrinter(item, table)]));
  return (row) => `{${printers.map((print) => print(row)).join(',')}}`;
}

function allColumns(table: Table): Printer[] {
  return Object.keys(table.schema.columns).map((column) => columnPrinter(column, table));
}

function columnPrinter(item: string, table: Table): Printer {
  const match = /^(?:([^:()]+):(?!:))?([^:()]+)(?:::([\w ]+))?$/.exec(item);
  if (match === null) throw noRelation(item, table.name);
  const [, alias, source = '', cast] = match;
  const path = columnPath(source, table);
  const label = `${JSON.stringify(alias ?? path.column)}:`;
  if (cast === 'text') return (row) => label + printAsText(path.read(row), path.type);
  if (cast !== undefined && cast !== path.type) throw new PgError('42846', `cannot cast type ${path.type} to ${cast}`);
  return (row) => label + printCell(path.read(row), path.type);
}

function noRelation(item: string, table: string): PgError {
  const message = `Could not find a relationship between '${table}' and '${item.split('(')[0]}' in the schema cache`;
  return new PgError('PGRST200', message);
}

export interface Order {
  /** The column, when the order is by one column ascending: rows in order of the key then need no sorting. */
  readonly by?: string;
  compare(a: Row, b: Row): number;
}

/** Parses `price.desc.nullslast,id.asc`; undefined without an order. Throws PgError. */
export function parseOrder(text: string | null, table: Table): Order | undefined {
  if (text === null || text === '') return undefined;
  const keys = text.split(',').map((item) => orderKey(item, table));
  const [first] = keys;
  const compare = (a: Row, b: Row) => {
    for (const key of keys) {
      const difference = key.compare(a, b);
      if (difference !== 0) return difference;
    }
    return 0;
  };
  return { compare, ...(keys.length === 1 && first?.descending === false ? { by: first.column } : {}) };
}

function orderKey(item: string, table: Table) {
  const match = /^([^.]+)(?:\.(asc|desc))?(?:\.(nullsfirst|nullslast))?$/.exec(item.trim());
  if (match === null) throw new PgError('PGRST100', `"failed to parse order (${item})" (line 1, column 1)`);
  const [, name = '', direction = 'asc', nulls = direction === 'asc' ? 'nullslast' : 'nullsfirst'] = match;
  const path = columnPath(name, table);
  const descending = direction === 'desc';
  const compare = (a: Row, b: Row) => {
    const [x, y] = [path.read(a), path.read(b)];
    if (x === null || y === null) return x === y ? 0 : (x === null) === (nulls === 'nullsfirst') ? -1 : 1;
    return compareCells(x, y, path.type) * (descending ? -1 : 1);
  };
  return { column: name, descending, compare };
}

/** A column, or a path inside a jsonb column: `metadata->>colour`. */
export interface ColumnPath {
  readonly column: string;
  readonly type: ColumnType;
  read(row: Row): Cell;
}

/** Parses a column path. Throws PgError 42703 on an unknown column. */
export function columnPath(text: string, table: Table): ColumnPath {
  const [column = '', ...steps] = text.split(/(->>|->)/);
  const type = table.typeOf(column);
  if (steps.length === 0) return { column, type, read: (row) => row[column] ?? null };
  const keys = steps.filter((_, i) => i % 2 === 1);
  const readInside = (row: Row) =>
    keys.reduce<unknown>((value, key) => (value as Record<string, unknown> | null)?.[key] ?? null, row[column]);
  if (steps.at(-2) === '->')
    return { column: keys.at(-1) ?? column, type: 'jsonb', read: (row) => readInside(row) as Cell };
  const asText = (value: unknown) =>
    value === null ? null : typeof value === 'string' ? value : JSON.stringify(value);
  return { column: keys.at(-1) ?? column, type: 'text', read: (row) => asText(readInside(row)) };
}

/** Splits at commas outside parentheses, braces and quotes: `a.eq.1,b.in.(1,2)` has two items. */
export function splitList(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '\\' && quoted) i++;
    else if (char === '"') quoted = !quoted;
    else if (!quoted && (char === '(' || char === '{')) depth++;
    else if (!quoted && (char === ')' || char === '}')) depth--;
    else if (!quoted && depth === 0 && char === ',') {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return text === '' ? [] : [...parts, text.slice(start)];
}

/** `"a,b"` without its quotes. */
export function unquote(text: string): string {
  return /^".*"$/s.test(text) ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text;
}
