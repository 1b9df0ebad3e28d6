import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import type { Page, Scope, Source, SourceRecord } from '../../plan/contract.ts';
import type { Json, JsonObject } from '../../plan/json.ts';
import { parseCursor } from '../paging.ts';
import { type CsvFile, type FilePosition, fileError, openCsv, readRows } from './file.ts';

export interface CsvSourceOptions {
  readonly path: string;
  /** Names of the id column, in order of preference. Case, blanks and underscores are ignored. */
  readonly idColumns: readonly string[];
  /**
   * The columns the plan reads, each with its names in order of preference. They are matched as `idColumns` are, and a
   * record has them under the matching name, spelled as here.
   */
  readonly columns?: readonly ColumnNames[] | undefined;
  /** Another remedy when there is no such column. */
  readonly idHint?: string | undefined;
  /** Records of a page. */
  readonly pageSize?: number | undefined;
  /** The command that creates the file, for the message when it is missing. */
  readonly createdBy?: string | undefined;
  /** When the record last changed, ISO 8601 UTC. Records for which it is absent or undefined are in every window. */
  readonly changedAt?: ((raw: JsonObject) => string | undefined) | undefined;
}

export interface ColumnNames {
  readonly names: readonly string[];
  /** A file without the column is refused: its records would silently lack the values. */
  readonly required: boolean;
}

const defaultPageSize = 500;
// A page that searches a large file for a few ids ends after this many rows, so that the run can be paused in between.
const maxRowsPerPage = 50_000;

/** A source that reads a CSV file. Every value remains the text of the file. */
export function createCsvSource(options: CsvSourceOptions): Source {
  return {
    immutable: true,
    read: (cursor, scope, signal) => readPage(options, cursor, scope, signal),
    async count(scope, signal) {
      const rows = await countRows(await openFor(options, signal), options, signal);
      return isUnfiltered(scope) ? rows : undefined;
    },
  };
}

/** Every record of the file, in order. */
export async function* csvRecords(options: CsvSourceOptions, signal: AbortSignal): AsyncGenerator<SourceRecord> {
  const file = await openFor(options, signal);
  const read = recordReader(file, options);
  for await (const { cells } of readRows(file, file.body, signal)) yield read(cells);
}

async function readPage(
  options: CsvSourceOptions,
  cursor: Json | null,
  scope: Scope,
  signal: AbortSignal,
): Promise<Page> {
  const file = await openFor(options, signal);
  if (cursor === null) await countRows(file, options, signal);
  const position = parseCursor(cursorSchema, cursor, 'CSV');
  const from = position === undefined ? { ...file.body, row: 0 } : inSameFile(position, file);
  const limit = options.pageSize ?? defaultPageSize;
  const wanted = filterOf(scope, options);
  const read = recordReader(file, options);
  const records: SourceRecord[] = [];
  let row = from.row;
  let watermark: string | undefined;
  for await (const { cells, next } of readRows(file, from, signal, isUnfiltered(scope) ? limit : undefined)) {
    row++;
    const record = read(cells);
    const changed = options.changedAt?.(record.raw);
    if (changed !== undefined && (watermark === undefined || changed > watermark)) watermark = changed;
    if (wanted(record, changed)) records.push(record);
    if (records.length >= limit || row - from.row >= maxRowsPerPage) {
      return { records, cursor: cursorAt(file, next, row), watermark };
    }
  }
  return { records, cursor: null, watermark };
}

async function openFor({ path, createdBy }: CsvSourceOptions, signal: AbortSignal): Promise<CsvFile> {
  try {
    return await openCsv(path, signal);
  } catch (thrown) {
    const missing =
      thrown instanceof DroverError && (thrown.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
    if (!missing || createdBy === undefined) throw thrown;
    throw new DroverError('SOURCE_FILE', `${path} does not exist; ${createdBy} creates it`, { cause: thrown });
  }
}

function isUnfiltered({ ids, since, until }: Scope): boolean {
  return ids === undefined && since === undefined && until === undefined;
}

function filterOf({ ids, since, until }: Scope, { changedAt }: CsvSourceOptions) {
  const only = ids === undefined ? undefined : new Set(ids);
  const from = since === undefined ? undefined : new Date(since).toISOString();
  const to = until === undefined ? undefined : new Date(until).toISOString();
  return ({ sourceId }: SourceRecord, changed: string | undefined): boolean => {
    if (only !== undefined && !only.has(sourceId)) return false;
    if (changedAt === undefined || changed === undefined) return true;
    return (from === undefined || changed >= from) && (to === undefined || changed < to);
  };
}

export interface IdOptions {
  readonly idColumns: readonly string[];
  readonly columns?: readonly ColumnNames[] | undefined;
  readonly idHint?: string | undefined;
}

/** Turns rows of the file into records. Throws SOURCE_FILE when no column can be the id. */
function recordReader(file: CsvFile, options: IdOptions): (cells: readonly string[]) => SourceRecord {
  const id = idIndex(file.columns, options.idColumns);
  if (id === -1 && file.columns.length > 0) throw missingIdColumn(file, options);
  const names = recognizedColumns(file, options.columns ?? []);
  return (cells) => ({ sourceId: (cells[id] ?? '').trim(), raw: rawOf(names, cells) });
}

// fromEntries instead of assignment: a column may be called __proto__.
function rawOf(columns: readonly string[], cells: readonly string[]) {
  return Object.fromEntries(columns.map((name, at) => [name, cells[at] ?? '']));
}

function idIndex(columns: readonly string[], wanted: readonly string[]): number {
  const names = columns.map(normalizedColumn);
  for (const name of wanted) {
    const at = names.indexOf(normalizedColumn(name));
    if (at !== -1) return at;
  }
  return -1;
}

/**
 * The names of a file's columns, with the plan's spelling where they match. Throws SOURCE_FILE when a required one is
 * missing, or when two columns of the file have the same normalized name.
 */
function recognizedColumns(file: CsvFile, wanted: readonly ColumnNames[]): readonly string[] {
  if (file.columns.length === 0) return file.columns;
  const canonical = new Map(wanted.flatMap(({ names }) => names.map((name) => [normalizedColumn(name), name])));
  const names = file.columns.map((name) => canonical.get(normalizedColumn(name)) ?? name);
  const twice = names.filter((name, at) => names.indexOf(name) !== at);
  if (twice.length > 0) {
    const duplicates = file.columns.filter((_name, at) => twice.includes(names[at] ?? '')).map((name) => `"${name}"`);
    throw fileError(
      file.path,
      file.body.line,
      `the columns ${duplicates.join(' and ')} are the same; rename or remove all but one`,
    );
  }
  const missing = wanted.filter((column) => column.required && !column.names.some((name) => names.includes(name)));
  if (missing.length === 0) return names;
  const lacks = missing.map((column) => column.names.map((name) => `"${name}"`).join(' or ')).join(', ');
  const isKnown = wanted.some((column) => column.names.some((name) => names.includes(name)));
  throw fileError(file.path, file.body.line, `the file lacks ${lacks}; ${describeColumns(file.columns, isKnown)}`);
}

/**
 * The columns that a file has, for a message that says which are missing. Where none of them is known, the first line may be a
 * record, and names of people must not get into logs.
 */
export function describeColumns(columns: readonly string[], isAnyKnown: boolean): string {
  if (isAnyKnown) return `found ${columns.map((name) => `"${name}"`).join(', ')}`;
  return `none of its ${columns.length} columns is known, so the first line may be a record and no header`;
}

/** Column names are compared without case, Unicode form, underscores and blanks. */
function normalizedColumn(name: string): string {
  return name
    .normalize('NFKC')
    .replace(/[\s_\u00a0\u200b\ufeff]+/g, ' ')
    .trim()
    .toLowerCase();
}

function missingIdColumn(file: CsvFile, { idColumns, idHint }: IdOptions): Error {
  const names = idColumns.map((name) => `"${name}"`).join(', ');
  const hint = idHint === undefined ? '' : `, or ${idHint}`;
  const fault = `no column holds the record's id (looked for ${names}); export it as well${hint}`;
  return fileError(file.path, file.body.line, fault);
}

const cursorSchema = z.strictObject({
  byte: z.int().min(0),
  line: z.int().min(0),
  row: z.int().min(0),
  size: z.int().min(0),
});

/** The end of a page, so that the next one seeks there instead of reading the file again. */
function cursorAt(file: CsvFile, { byte, line }: FilePosition, row: number): Json {
  return { byte, line, row, size: file.size };
}

/** The position of a cursor. Throws SOURCE_FILE when the file has changed since. */
function inSameFile(
  { byte, line, row, size }: z.infer<typeof cursorSchema>,
  file: CsvFile,
): FilePosition & { readonly row: number } {
  // The modification time is not compared: workers on several machines may each have a copy of the file.
  if (size !== file.size) {
    throw new DroverError(
      'SOURCE_FILE',
      `${file.path} changed while it was read (it had ${size} bytes, now ${file.size})`,
      {
        remedy: 'Leave the files alone while a run reads them; start a new run for the new file.',
      },
    );
  }
  return { byte, line, row };
}

// What spreadsheets write for a long number. The rest of its digits is lost, so several records may have one id then, and a
// reference to one of them leads to another.
const shortenedNumber = /^\s*\d(?:[.,]\d+)?E\+\d{2,}\s*$/i;

function shortenedId(file: CsvFile, line: number, id: string): Error {
  const fault = `the id ${id.trim()} is a long number that a spreadsheet shortened`;
  return fileError(file.path, line, `${fault}; export the file again, and import that column as text`);
}

// One number for each file; enough for the files of several plans.
const maxCachedCounts = 64;
const rowCounts = new Map<string, number>();

/**
 * The number of rows. Reads the whole file and throws SOURCE_FILE at the first fault: a file that is broken in its last
 * line must be refused before its first row is stored. Cached until the file changes.
 */
async function countRows(file: CsvFile, { idColumns }: IdOptions, signal: AbortSignal): Promise<number> {
  const key = `${file.path}\n${file.size}\n${file.modifiedMs}`;
  const known = rowCounts.get(key);
  if (known !== undefined) return known;
  const id = idIndex(file.columns, idColumns);
  let rows = 0;
  for await (const { cells, next } of readRows(file, file.body, signal)) {
    rows++;
    if (shortenedNumber.test(cells[id] ?? '')) throw shortenedId(file, next.line, cells[id] ?? '');
  }
  if (rowCounts.size >= maxCachedCounts) rowCounts.clear();
  rowCounts.set(key, rows);
  return rows;
}
