import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { TextDecoder } from 'node:util';
import { CsvError, type Info, type Options, parse } from 'csv-parse';
import { DroverError } from '../../errors.ts';

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

/** A place between two rows: bytes and lines that lie before it. */
export interface FilePosition {
  readonly byte: number;
  readonly line: number;
}

interface CsvRow {
  readonly cells: readonly string[];
  /** Where the next row begins. */
  readonly next: FilePosition;
}

// Every kind of line end at once: files are glued together from parts, and the kind a parser finds out by itself
// could differ between the whole file and a part of it.
const lineEnds = ['\r\n', '\n', '\r'];
const maxRowBytes = 64 * 1024 * 1024;

/**
 * The rows from a position on, one by one, with memory for a few hundred. Rows without any text are passed over:
 * spreadsheets leave them behind. `most` ends the work early: without it the parser runs ahead of its reader by what
 * fits in a chunk. Throws SOURCE_FILE with the line when the text is not CSV.
 */
async function* parseRows(
  path: string,
  dialect: Dialect,
  from: FilePosition,
  signal: AbortSignal,
  most?: number,
): AsyncGenerator<CsvRow> {
  const parser = parse({ ...optionsOf(dialect), ...(most === undefined ? {} : { to: most }) });
  // What fails in the pipeline destroys the parser, and so reaches the loop below.
  pipeline(utf8Chunks(path, from.byte, signal), parser, () => {});
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: Info }>) {
      yield { cells: record, next: { byte: from.byte + info.bytes, line: from.line + info.lines } };
    }
  } catch (thrown) {
    throw toFileError(thrown, path, from.line);
  } finally {
    parser.destroy();
  }
}

function optionsOf({ delimiter }: Dialect): Options {
  return {
    delimiter,
    record_delimiter: lineEnds,
    bom: false,
    info: true,
    skip_empty_lines: true,
    skip_records_with_empty_values: true,
    relax_column_count: true,
    max_record_size: maxRowBytes,
  };
}

/** How a file is written, as its first bytes tell. */
interface Dialect {
  readonly delimiter: string;
  /** Where the header begins: after a byte order mark and Excel's `sep=` line. */
  readonly start: number;
  readonly startLine: number;
}

const headBytes = 64 * 1024;
const delimiters = [',', ';', '\t', '|'];

/** Looks at the head of the file. Throws SOURCE_FILE when it is not CSV in UTF-8. */
async function detectDialect(path: string): Promise<Dialect> {
  const head = await readHead(path);
  rejectOtherFormats(path, head);
  const bom = head.subarray(0, 3).equals(Buffer.of(0xef, 0xbb, 0xbf)) ? 3 : 0;
  const text = head.toString('utf8', bom);
  const hint = /^sep=(.)\r?\n/i.exec(text);
  if (hint?.[1] !== undefined) return { delimiter: hint[1], start: bom + Buffer.byteLength(hint[0]), startLine: 1 };
  return { delimiter: mostFrequentDelimiter(firstRow(text)), start: bom, startLine: 0 };
}

async function readHead(path: string): Promise<Buffer> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (thrown) {
    throw toFileSystemError(thrown, path);
  }
}

function rejectOtherFormats(path: string, head: Buffer): void {
  if (head[0] === 0xff && head[1] === 0xfe) throw fileError(path, 1, 'the file is UTF-16; save it as "CSV UTF-8"');
  if (head[0] === 0xfe && head[1] === 0xff) throw fileError(path, 1, 'the file is UTF-16; save it as "CSV UTF-8"');
  if (head.toString('latin1', 0, 4) === 'PK\u0003\u0004') {
    throw fileError(path, 1, 'the file is a workbook or an archive, not CSV; save it as "CSV UTF-8"');
  }
  if (head.includes(0)) throw fileError(path, 1, 'the file holds zero bytes, so it is not CSV in UTF-8');
}

/** The first row without what is quoted: a delimiter inside a name must not count. */
function firstRow(text: string): string {
  const bare = text.replace(/"(?:[^"]|"")*"?/g, '').trimStart();
  return bare.split(/[\r\n]/, 1)[0] ?? '';
}

function mostFrequentDelimiter(row: string): string {
  const counts = delimiters.map((delimiter) => row.split(delimiter).length);
  return delimiters[counts.indexOf(Math.max(...counts))] ?? ',';
}

const chunkBytes = 64 * 1024;

/**
 * The bytes of a file from an offset on, checked to be UTF-8. A decoder that puts U+FFFD for what it cannot read would
 * lose letters without a word: Excel's plain "CSV" is in the code page of its country. Zero bytes are refused as well:
 * PostgreSQL holds them neither in text nor in JSON.
 */
async function* utf8Chunks(path: string, from: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let at = from;
  for await (const chunk of createReadStream(path, { start: from, highWaterMark: chunkBytes })) {
    signal.throwIfAborted();
    if (!isText(decoder, chunk as Buffer)) throw await locateInvalidByte(path, at);
    const zero = (chunk as Buffer).indexOf(0);
    if (zero !== -1) throw fileError(path, (await linesBefore(path, at + zero)) + 1, 'there is a zero byte in it');
    yield chunk as Buffer;
    at += (chunk as Buffer).length;
  }
  if (!isText(decoder, undefined)) throw await locateInvalidByte(path, at);
}

/** How many lines end before the byte. */
export async function linesBefore(path: string, byte: number): Promise<number> {
  if (byte === 0) return 0;
  let lines = 0;
  for await (const chunk of createReadStream(path, { end: byte - 1, highWaterMark: chunkBytes })) {
    const bytes = chunk as Buffer;
    for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines++;
  }
  return lines;
}

function isText(decoder: TextDecoder, chunk: Buffer | undefined): boolean {
  try {
    decoder.decode(chunk, { stream: chunk !== undefined });
    return true;
  } catch {
    return false;
  }
}

/** Looks for the very byte only now, on the way to a refusal. */
async function locateInvalidByte(path: string, near: number): Promise<Error> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  // A character cut by the edge of the chunk begins up to three bytes before it; the end of an earlier one is no fault.
  let at = Math.max(0, near - 3);
  let begun = false;
  for await (const chunk of createReadStream(path, { start: at })) {
    for (const byte of chunk as Buffer) {
      begun ||= (byte & 0xc0) !== 0x80 || at >= near;
      if (begun && !isText(decoder, Buffer.of(byte))) return notUtf8Error(path, await linesBefore(path, at));
      at++;
    }
  }
  return notUtf8Error(path, await linesBefore(path, at));
}

function notUtf8Error(path: string, lines: number): Error {
  return fileError(path, lines + 1, 'there are characters that are not UTF-8; save the file as "CSV UTF-8"');
}

const remedy = 'Correct the line, or export the file again as CSV in UTF-8; nothing of the file was taken.';

// What csv-parse finds wrong, in words for the person who has the file open in a spreadsheet.
const faultDescriptions: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quotation mark is opened and never closed',
  INVALID_OPENING_QUOTE: 'a quotation mark stands in the middle of a cell that does not begin with one',
  CSV_INVALID_CLOSING_QUOTE: 'there is text after a closing quotation mark',
  CSV_MAX_RECORD_SIZE: 'one row is larger than 64 MB, so a quotation mark is probably never closed',
};

/** A refusal of the whole file, with the line at fault. */
export function fileError(path: string, line: number, fault: string): DroverError {
  return new DroverError('SOURCE_FILE', `${path}, line ${line}: ${fault}`, { remedy });
}

/**
 * What was thrown while a file was read, as a refusal of the file. `linesBefore` are the lines that lie before the
 * place where reading began. Row contents stay out of the message: they may be personal.
 */
function toFileError(thrown: unknown, path: string, linesBefore: number): unknown {
  if (thrown instanceof DroverError) return thrown;
  if (thrown instanceof CsvError) return fileError(path, linesBefore + lineOf(thrown), describeFault(thrown));
  return toFileSystemError(thrown, path);
}

/** A file system error as SOURCE_FILE; anything else as it is. */
function toFileSystemError(thrown: unknown, path: string): unknown {
  const code = (thrown as NodeJS.ErrnoException | null)?.code;
  if (code === 'EACCES' || code === 'EPERM') return cannotRead(path, 'may not be read by this process', thrown);
  if (code === 'EISDIR') return cannotRead(path, 'is a directory', thrown);
  if (code === 'ENOENT' || code === 'ENOTDIR') return cannotRead(path, 'does not exist', thrown);
  return thrown;
}

function cannotRead(path: string, what: string, cause: unknown): DroverError {
  return new DroverError('SOURCE_FILE', `${path} ${what}`, { cause });
}

function lineOf(error: CsvError): number {
  const { lines } = error as { lines?: unknown };
  return typeof lines === 'number' ? lines : 1;
}

function describeFault(error: CsvError): string {
  return faultDescriptions[error.code] ?? 'the row is not valid CSV';
}
