import type { Paint, Tone } from './colour.ts';

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string | number;
  /** Numbers stand to the right. */
  readonly right?: boolean;
  readonly tone?: (row: Row) => Tone | undefined;
}

/** Rows under their titles, two spaces apart. Colours are laid on after the widths are known. */
export function formatTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], paint: Paint): string {
  const cells = rows.map((row) => columns.map((column) => String(column.value(row))));
  const widths = columns.map((column, at) =>
    Math.max(column.title.length, ...cells.map((line) => line[at]?.length ?? 0)),
  );
  const line = (texts: readonly string[], tone: (at: number) => Tone | undefined): string =>
    texts
      .map((text, at) => paint(padded(text, widths[at] ?? 0, columns[at]?.right, at === columns.length - 1), tone(at)))
      .join('  ')
      .trimEnd();
  const head = line(
    columns.map((column) => column.title),
    () => 'dim',
  );
  return [head, ...rows.map((row, at) => line(cells[at] ?? [], (column) => columns[column]?.tone?.(row)))].join('\n');
}

/** The last column is not filled up: long texts in it would make every line as long. */
function padded(text: string, width: number, right: boolean | undefined, last: boolean): string {
  if (right) return text.padStart(width);
  return last ? text : text.padEnd(width);
}
