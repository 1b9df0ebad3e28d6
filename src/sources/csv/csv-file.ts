import { stat } from 'node:fs/promises';
import { DroverError } from '../../errors.ts';
import { type Dialect, detectDialect } from './csv-dialect.ts';
import { brokenFile, fileFault } from './csv-error.ts';
import { type CsvRow, csvRows, type Position } from './csv-rows.ts';

/** A CSV file with its header read. */
export interface CsvFile {
  readonly path: string;
  readonly size: number;
  readonly modifiedMs: number;
  readonly dialect: Dialect;
  /** Names as they stand in the header, blanks included: Bubble has names that end in one. */
  readonly columns: readonly string[];
  /** Where the first row begins. */
  readonly body: Position;
}

/** Opens the file as far as its header. An empty one has no columns and no rows. */
export async function openCsv(path: string, signal: AbortSignal): Promise<CsvFile> {
  const { size, mtimeMs } = await statOf(path);
  const dialect = await detectDialect(path);
  const top = { byte: dialect.start, line: dialect.startLine };
  const header = await firstOf(csvRows(path, dialect, top, signal, 1));
  const columns = header?.cells ?? [];
  refuseRepeated(path, columns, header?.next.line ?? 1);
  return { path, size, modifiedMs: mtimeMs, dialect, columns, body: header?.next ?? { byte: size, line: 0 } };
}

/** The file's rows from a position on. Throws SOURCE_FILE at a row that is not as wide as the header. */
export async function* rowsOf(
  file: CsvFile,
  from: Position,
  signal: AbortSignal,
  most?: number,
): AsyncGenerator<CsvRow> {
  if (from.byte >= file.size) return;
  for await (const row of csvRows(file.path, file.dialect, from, signal, most)) {
    if (row.cells.length !== file.columns.length) throw ragged(file, row);
    yield row;
  }
}

async function statOf(path: string) {
  try {
    const found = await stat(path);
    if (found.isFile()) return found;
  } catch (thrown) {
    throw fileFault(thrown, path);
  }
  throw new DroverError('SOURCE_FILE', `${path} is not a file`);
}

async function firstOf(rows: AsyncGenerator<CsvRow>): Promise<CsvRow | undefined> {
  for await (const row of rows) return row;
  return undefined;
}

function refuseRepeated(path: string, columns: readonly string[], line: number): void {
  const repeated = columns.filter((name, at) => columns.indexOf(name) !== at);
  if (repeated.length === 0) return;
  const names = [...new Set(repeated)].map((name) => (name === '' ? '(no name)' : `"${name}"`)).join(', ');
  throw brokenFile(path, line, `more than one column is called ${names}; rename or remove all but one`);
}

function ragged(file: CsvFile, row: CsvRow): DroverError {
  const counts = `the row has ${row.cells.length} cells and the header ${file.columns.length}`;
  return brokenFile(file.path, row.next.line, `${counts}; a comma or a quotation mark is missing or too many`);
}
