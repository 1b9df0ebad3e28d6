import { DroverError } from '../../errors.ts';
import type { Page, Scope, Source, SourceRecord } from '../../plan/contract.ts';
import type { Json, JsonObject } from '../../plan/json.ts';
import { cursorAt, positionOf } from './csv-cursor.ts';
import { type CsvFile, openCsv, readRows } from './csv-file.ts';
import { recordReader } from './csv-record.ts';
import { countRows } from './csv-survey.ts';

export interface CsvSourceOptions {
  readonly path: string;
  /** Names the column with the record's id may have, most wanted first. Case and blanks around do not matter. */
  readonly idColumns: readonly string[];
  /** What else to do when there is no such column. */
  readonly idHint?: string | undefined;
  /** Records a page. */
  readonly pageSize?: number | undefined;
  /** How the file comes to be, for whoever finds it missing: a command. */
  readonly createdBy?: string | undefined;
  /** When the record last changed, ISO 8601 UTC; without it, or where it answers undefined, no window leaves a record out. */
  readonly changedAt?: ((raw: JsonObject) => string | undefined) | undefined;
}

const defaultPageSize = 500;
// A page that looks for a few ids in a large file ends after so many rows, so that its reader can be asked to stop.
const maxRowsPerPage = 50_000;

/** A source that reads a CSV file. Every value stays the text it is in the file. */
export function createCsvSource(options: CsvSourceOptions): Source {
  return {
    immutable: true,
    read: (cursor, scope, signal) => readPage(options, cursor, scope, signal),
    async count(scope, signal) {
      const rows = await countRows(await openFor(options, signal), signal);
      return isUnfiltered(scope) ? rows : undefined;
    },
  };
}

/** Every record of the file, one after another. */
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
  if (cursor === null) await countRows(file, signal);
  const from = cursor === null ? { ...file.body, row: 0 } : positionOf(cursor, file);
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

async function openFor({ path, createdBy: madeBy }: CsvSourceOptions, signal: AbortSignal): Promise<CsvFile> {
  try {
    return await openCsv(path, signal);
  } catch (thrown) {
    const missing =
      thrown instanceof DroverError && (thrown.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
    if (!missing || madeBy === undefined) throw thrown;
    throw new DroverError('SOURCE_FILE', `${path} does not exist; ${madeBy} makes it`, { cause: thrown });
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
