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
  /** Names as in the header, blanks included: Bubble has names that end in one. */
  readonly columns: readonly string[];
  /** Where the first row begins. */
  readonly body: FilePosition;
}

/** Opens the file and reads its header. An empty file has no columns and no rows. */
export async function openCsv(path: string, signal: AbortSignal): Promise<CsvFile> {
  const { size, mtimeMs } = await statOf(path);
  const dialect = await detectDialect(path);
  const top = { byte: dialect.start, line: dialect.startLine };
  const header = await firstRowOf(parseRows(path, dialect, top, signal, 1));
  const columns = header?.cells ?? [];
  rejectDuplicateColumns(path, columns, header?.next.line ?? 1);
  return { path, size, modifiedMs: mtimeMs, dialect, columns, body: header?.next ?? { byte: size, line: 0 } };
}

/** The file's rows from a position on. Throws SOURCE_FILE at a row whose number of cells differs from the header. */
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

/** A position between two rows: the bytes and lines before it. */
export interface FilePosition {
  readonly byte: number;
  readonly line: number;
}

interface CsvRow {
  readonly cells: readonly string[];
  /** Where the next row begins. */
  readonly next: FilePosition;
}

// Every line ending at once: files are concatenated from parts, and automatic detection could differ between the whole
// file and a part of it.
const lineEnds = ['\r\n', '\n', '\r'];
const maxRowBytes = 64 * 1024 * 1024;

/**
 * The rows from a position on, one by one, with a few hundred in memory. Rows without any text are skipped: spreadsheets
 * produce them. `most` ends the work early: without it the parser reads ahead of its consumer by up to a chunk. Throws
 * SOURCE_FILE with the line when the text is not CSV.
 */
async function* parseRows(
  path: string,
  dialect: Dialect,
  from: FilePosition,
  signal: AbortSignal,
  most?: number,
): AsyncGenerator<CsvRow> {
  const parser = parse({ ...optionsOf(dialect), ...(most === undefined ? {} : { to: most }) });
  // A failure in the pipeline destroys the parser, so the loop below receives the error.
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

/** The format of a file, detected from its first bytes. */
interface Dialect {
  readonly delimiter: string;
  /** Where the header begins: after a byte order mark and Excel's `sep=` line. */
  readonly start: number;
  readonly startLine: number;
}

const headBytes = 64 * 1024;
const delimiters = [',', ';', '\t', '|'];

/** Detects the format from the head of the file. Throws SOURCE_FILE when it is not CSV in UTF-8. */
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
  if (head.includes(0)) throw fileError(path, 1, 'the file contains zero bytes, so it is not CSV in UTF-8');
}

/** The first row without its quoted parts: a delimiter inside a name must not count. */
function firstRow(text: string): string {
  // Blank lines before it go; blanks in it stay, because a tab may be its delimiter.
  const bare = text.replace(/^(?:[^\S\r\n]*[\r\n])+/, '').replace(/"(?:[^"]|"")*"?/g, '');
  return bare.split(/[\r\n]/, 1)[0] ?? '';
}

function mostFrequentDelimiter(row: string): string {
  const counts = delimiters.map((delimiter) => row.split(delimiter).length);
  return delimiters[counts.indexOf(Math.max(...counts))] ?? ',';
}

const chunkBytes = 64 * 1024;

/**
 * The bytes of a file from an offset on, validated as UTF-8. A decoder that replaces invalid bytes by U+FFFD would
 * silently lose letters: Excel's plain "CSV" uses the code page of its country. Zero bytes are refused too: PostgreSQL
 * stores them neither in text nor in JSON.
 */
async function* utf8Chunks(path: string, from: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let at = from;
  for await (const chunk of createReadStream(path, { start: from, highWaterMark: chunkBytes })) {
    signal.throwIfAborted();
    if (!isText(decoder, chunk as Buffer)) throw await locateInvalidByte(path, at);
    const zero = (chunk as Buffer).indexOf(0);
    if (zero !== -1) throw fileError(path, (await linesBefore(path, at + zero)) + 1, 'the file contains a zero byte');
    yield chunk as Buffer;
    at += (chunk as Buffer).length;
  }
  if (!isText(decoder, undefined)) throw await locateInvalidByte(path, at);
}

/** The number of lines that end before the byte. */
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

/** Finds the invalid byte; done only for the error message. */
async function locateInvalidByte(path: string, near: number): Promise<Error> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  // A character split by the chunk's edge begins up to three bytes before it; the end of an earlier one is not a fault.
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

const remedy = 'Correct the line, or export the file again as CSV in UTF-8; no record of the file was stored.';

// Errors of csv-parse, described for a person with the file open in a spreadsheet.
const faultDescriptions: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: 'a quotation mark is opened and never closed',
  INVALID_OPENING_QUOTE: 'a quotation mark is in the middle of a cell that does not begin with one',
  CSV_INVALID_CLOSING_QUOTE: 'there is text after a closing quotation mark',
  CSV_MAX_RECORD_SIZE: 'one row is larger than 64 MB, so a quotation mark is probably never closed',
};

/** The error that refuses a file, with the faulty line. */
export function fileError(path: string, line: number, fault: string): DroverError {
  return new DroverError('SOURCE_FILE', `${path}, line ${line}: ${fault}`, { remedy });
}

/**
 * An error while reading a file, as SOURCE_FILE. `linesBefore` is the number of lines before the position where reading
 * began. Messages never contain row contents: they may be personal.
 */
function toFileError(thrown: unknown, path: string, linesBefore: number): unknown {
  if (thrown instanceof DroverError) return thrown;
  if (thrown instanceof CsvError) return fileError(path, linesBefore + lineOf(thrown), describeFault(thrown));
  return toFileSystemError(thrown, path);
}

/** A file system error as SOURCE_FILE; any other error unchanged. */
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
