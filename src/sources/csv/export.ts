import type { Json, JsonObject } from '../../plan/json.ts';

/**
 * Raw records as CSV that reads back to the same: a column for each key of the records, text as it is, numbers and
 * booleans as JSON writes them, lists and objects as JSON. Two passes: collect the columns, then write the rows.
 *
 * Cells that begin with `=`, `+`, `-` or `@` are not defused with a quotation mark as reports for spreadsheets are: these
 * files are data, to be read again by a run, and `+63 917` or `=)` must come back as they were.
 */
export function collectColumns(columns: Set<string>, raw: JsonObject): void {
  for (const key of Object.keys(raw)) columns.add(key);
}

/** The columns in the order they are written: the first ones named, then the others by name. */
export function orderColumns(columns: Iterable<string>, first: readonly string[]): string[] {
  const all = new Set(columns);
  const head = first.filter((name) => all.has(name));
  return [...head, ...[...all].filter((name) => !head.includes(name)).sort()];
}

/** One record as cells, in the order of the columns. */
export function toCsvRow(raw: JsonObject, columns: readonly string[]): string[] {
  return columns.map((column) => (Object.hasOwn(raw, column) ? toCell(raw[column]) : ''));
}

/** Cells as one line of RFC 4180, with its line end. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map(quote).join(',')}\r\n`;
}

function toCell(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

// A blank at either end is quoted too: some readers trim what is not. So is whatever separates cells anywhere, because readers
// guess by the first line, ours among them.
function quote(cell: string): string {
  return /[",;|\t\r\n]|^\s|\s$|^$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
