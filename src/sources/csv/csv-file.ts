import { stat } from 'node:fs/promises';
import { DroverError } from '../../errors.ts';
import { type Dialect, detectDialect } from './csv-dialect.ts';
import { fileError, toFileSystemError } from './csv-error.ts';
import { type CsvRow, type FilePosition, parseRows } from './csv-rows.ts';

/** A CSV file with its header read. */
export interface CsvFile {
  readonly path: string;
  readonly size: number;
  readonly modifiedMs: number;
  readonly dialect: Dialect;
  /** Names as they stand in the header, blanks included: Bubble has names that end in one. */
  readonly columns: readonly string[];
  /** Where the first row begins. */
  readonly body: FilePosition;
}

/** Opens the file as far as its header. An empty one has no columns and no rows. */
export async function openCsv(path: string, signal: AbortSignal): Promise<CsvFile> {
  const { size, mtimeMs } = await statOf(path);
  const dialect = await detectDialect(path);
  const top = { byte: dialect.start, line: dialect.startLine };
  const header = await firstRowOf(parseRows(path, dialect, top, signal, 1));
  const columns = header?.cells ?? [];
  rejectDuplicateColumns(path, columns, header?.next.line ?? 1);
  return { path, size, modifiedMs: mtimeMs, dialect, columns, body: header?.next ?? { byte: size, line: 0 } };
}

/** The file's rows from a position on. Throws SOURCE_FILE at a row that is not as wide as the header. */
export async function* readRows(
  file: CsvFile,
  from: FilePosition,
  signal: AbortSignal,
  most?: number,
): AsyncGenerator<CsvRow> {
  if (from.byte >= file.size) return;
  for await (const row of parseRows(file.path, file.dialect, from, signal, most)) {
    if (row.cells.length !== file.columns.length) throw wrongCellCount(file, row);
    yield row;
  }
}

async function statOf(path: string) {
  try {
    const found = await stat(path);
    if (found.isFile()) return found;
  } catch (thrown) {
    throw toFileSystemError(thrown, path);
  }
  throw new DroverError('SOURCE_FILE', `${path} is not a file`);
}

async function firstRowOf(rows: AsyncGenerator<CsvRow>): Promise<CsvRow | undefined> {
  for await (const row of rows) return row;
  return undefined;
}

function rejectDuplicateColumns(path: string, columns: readonly string[], line: number): void {
  const repeated = columns.filter((name, at) => columns.indexOf(name) !== at);
  if (repeated.length === 0) return;
  const names = [...new Set(repeated)].map((name) => (name === '' ? '(no name)' : `"${name}"`)).join(', ');
  throw fileError(path, line, `more than one column is called ${names}; rename or remove all but one`);
}

function wrongCellCount(file: CsvFile, row: CsvRow): DroverError {
  const counts = `the row has ${row.cells.length} cells and the header ${file.columns.length}`;
  return fileError(file.path, row.next.line, `${counts}; a comma or a quotation mark is missing or too many`);
}
