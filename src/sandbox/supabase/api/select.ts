import { PgError } from '../pg-error.ts';
import type { Row } from '../store/cell.ts';
import { printAsText, printCell } from '../store/print.ts';
import type { Table } from '../store/table.ts';
import { columnPath } from './column-path.ts';
import { splitList } from './split.ts';

/** Prints a row as JSON text with the selected columns. */
export type Printer = (row: Row) => string;

/** `id::text,title:name,metadata->>colour,*`. Throws PgError. */
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
