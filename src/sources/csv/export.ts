import type { Json, JsonObject } from '../../plan/json.ts';

/**
 * Raw records as CSV without loss: a column for each key of the records, text unchanged, numbers and booleans as in JSON,
 * lists and objects as JSON. Two passes: collect the columns, then write the rows.
 *
 * Formulas are not escaped, unlike in reports for spreadsheets (src/csv.ts): these files are data that a run reads again, and
 * `+63 917` or `=)` must be read back unchanged.
 */
export function collectColumns(columns: Set<string>, raw: JsonObject): void {
  for (const key of Object.keys(raw)) columns.add(key);
}

/** The columns in the order they are written: those of `first`, then the others by name. */
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

// A blank at either end is quoted too, because some readers trim unquoted cells. So is every possible delimiter, because
// readers, Drover's included, detect the delimiter from the first line.
function quote(cell: string): string {
  return /[",;|\t\r\n]|^\s|\s$|^$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
