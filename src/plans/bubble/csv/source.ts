import { stat } from 'node:fs/promises';
import { z } from 'zod';
import { DroverError } from '../../../errors.ts';
import type { Page, Source, SourceContext, SourceRecord } from '../../../plan/contract.ts';
import type { Json, JsonObject } from '../../../plan/json.ts';
import { openCsv } from '../../../sources/csv/file.ts';
import { type CsvSourceOptions, createCsvSource, csvRecords, describeColumns } from '../../../sources/csv/source.ts';
import type { EntityName } from '../entity-names.ts';
import { type Field, fieldMap } from '../field-map.ts';
import { type BubbleParams, readOptionsOf, requiredFieldsOf } from '../params.ts';
import type { LocalZone } from '../parsers/local-zone.ts';
import type { ParseContext, ReadOptions } from '../parsers/parser.ts';
import { email, reference } from '../parsers/text.ts';
import { readWallTime } from '../parsers/times.ts';
import { isCandidate, normalizedName } from '../picker.ts';
import { type ExportFolder, exportFolder } from './files.ts';
import { type CsvNote, csvZoneSchema, withNote, zoneOf } from './note.ts';
import { detectZone } from './time-zone.ts';

/**
 * The records of a CSV file: one that `drover export` wrote, or one of Bubble's own export. What only whole files can tell of a
 * record (the zone of its dates, which record an id or a name means) is found here and noted on the record.
 */
export function openCsvSource(entity: EntityName, params: BubbleParams, { settings }: SourceContext): Source {
  const reading = readOptionsOf(params);
  const folder = exportFolder(params, settings);
  const link = createReferenceResolver(entity, reading, folder);
  const begin = async (signal: AbortSignal): Promise<FileCursor> => {
    await requireColumns(entity, params, folder(entity), signal);
    const zone = reading.zone === undefined ? await detectZone(folder(entity), signal) : undefined;
    return { file: null, zone: zone ?? null };
  };
  const openIn = ({ zone }: Pick<FileCursor, 'zone'>): Source =>
    createCsvSource({ ...folder(entity), changedAt: (raw) => changedAt(raw, reading.zone ?? zoneOf(zone)) });
  return {
    ...openIn({ zone: null }),
    async read(cursor, scope, signal) {
      const place = cursor === null ? await begin(signal) : parseFileCursor(cursor);
      const page = await openIn(place).read(place.file, scope, signal);
      return annotatePage(page, place, link, signal);
    },
  };
}

/**
 * Throws SOURCE_FILE naming what is missing and what was found, when the file lacks a column without which none of its records
 * becomes a row. An empty file lacks nothing.
 */
async function requireColumns(
  entity: EntityName,
  params: BubbleParams,
  { path }: CsvSourceOptions,
  signal: AbortSignal,
): Promise<void> {
  // A file that cannot be opened is reported by its next reader, which knows how it is made.
  const file = await openCsv(path, signal).catch(() => undefined);
  if (file === undefined || file.columns.length === 0) return;
  const missing = requiredFieldsOf(entity, params).filter(
    (candidates) => !file.columns.some((name) => isCandidate(name, candidates)),
  );
  if (missing.length === 0) return;
  const lacks = missing.map((candidates) => candidates.map((name) => `"${name}"`).join(' or ')).join(', ');
  const pick = readOptionsOf(params).pickers[entity];
  const isAnyKnown = file.columns.some((name) => pick({ [name]: 'x' }).some((found) => found !== undefined));
  throw new DroverError(
    'SOURCE_FILE',
    `${path}: the file lacks ${lacks}; ${describeColumns(file.columns, isAnyKnown)}`,
    {
      remedy: `Export the column as well, or name the one that holds it in the parameter fieldMap.fields.${entity}.`,
    },
  );
}

async function annotatePage(
  page: Page,
  { zone }: FileCursor,
  link: ReferenceResolver,
  signal: AbortSignal,
): Promise<Page> {
  const records: SourceRecord[] = [];
  for (const { sourceId, raw } of page.records) {
    const links = await link(raw, signal);
    records.push({ sourceId, raw: withNote(raw, { ...(zone && { zone }), ...(links && { links }) }) });
  }
  const cursor: Json | null = storedFileCursor({ file: page.cursor, zone });
  return { ...page, records, cursor };
}

const schema = z.strictObject({ file: z.json().nullable(), zone: csvZoneSchema.nullable() });

/** Where reading stands in a file, and what was found of the whole file when it began. */
interface FileCursor {
  readonly file: Json | null;
  readonly zone: z.output<typeof csvZoneSchema> | null;
}

/** The cursor as it was stored. */
function parseFileCursor(cursor: Json): FileCursor {
  return schema.parse(cursor) as FileCursor;
}

/** The cursor as it is stored; null at the end of the file. */
function storedFileCursor({ file, zone }: FileCursor): Json | null {
  return file === null ? null : { file, zone };
}

const modified = normalizedName('Modified Date');

/**
 * When a record of a file last changed, as far as the file tells; undefined when it does not. Bubble's own export cuts
 * the seconds off: the end of the minute is taken, so that no change of that minute falls between two windows.
 */
function changedAt(raw: JsonObject, zone: LocalZone | undefined): string | undefined {
  const key = Object.keys(raw).find((name) => normalizedName(name) === modified);
  const text = key === undefined ? undefined : raw[key];
  const wall = typeof text === 'string' ? readWallTime(text.trim()) : undefined;
  if (wall === undefined) return undefined;
  if (wall.offsetMinutes !== undefined) return new Date(wall.localMs - wall.offsetMinutes * 60_000).toISOString();
  const instants = zone?.instantsOf(wall.localMs);
  const last = instants === undefined || instants === 'unsure' ? undefined : instants.at(-1);
  return last === undefined ? undefined : new Date(last + 59_999).toISOString();
}

/**
 * Says which records a record's references mean: by column the id, see `CsvNote.links`. Undefined when they all are ids, or
 * are left to the engine, which knows the records of earlier runs.
 */
type ReferenceResolver = (raw: JsonObject, signal: AbortSignal) => Promise<CsvNote['links'] | undefined>;

// Bubble's own ids. Nothing else looks so, and the file of the parents need not be read for them.
const bubbleId = /^\d{13}x\d+$/;

/**
 * Bubble shows a linked thing as its e-mail or name, or as its id. Which of them a word is, the file of the parents says and
 * not its letters: ids of other systems may have blanks, signs and letters of any script.
 */
function createReferenceResolver(entity: EntityName, reading: ReadOptions, folder: ExportFolder): ReferenceResolver {
  const columns = Object.values<Field>(fieldMap[entity]).map(({ references }) => references as EntityName | undefined);
  return async (raw, signal) => {
    const links: Record<string, string | null> = {};
    for (const [at, pick] of reading.pickers[entity](raw).entries()) {
      const parent = columns[at];
      const word = parent === undefined || pick === undefined ? undefined : reference(pick.value as Json, quietContext);
      if (parent === undefined || pick === undefined || typeof word !== 'string' || bubbleId.test(word)) continue;
      const link = resolveReference(word, await parentIndexOf(folder(parent), parent, reading, signal));
      if (link !== word) links[pick.key] = link;
    }
    return Object.keys(links).length > 0 ? links : undefined;
  };
}

/** The id that a word means; null when it is the name of several records, empty when no record of the files has it. */
function resolveReference(word: string, index: ParentIndex | DroverError): string | null {
  // Ids that the parents' file does not have may be those of an earlier run; e-mails and names of people are none.
  const isName = /[\s@]/.test(word);
  if (index instanceof DroverError) {
    if (isName) throw index;
    return word;
  }
  const found = index(word);
  return found === undefined && isName ? '' : found === undefined ? word : found;
}

/** Finds a record by its id, or by what Bubble's export shows of it. null: several are shown so; undefined: none is. */
type ParentIndex = (word: string) => string | null | undefined;

const maxCachedIndexes = 8;
const indexCaches = new WeakMap<ReadOptions, Map<string, Promise<ParentIndex>>>();

/**
 * The index of a parents' file; the refusal of it when there is none. Kept as long as the file is not touched: a source is
 * made anew for every page.
 */
async function parentIndexOf(
  file: CsvSourceOptions,
  entity: EntityName,
  reading: ReadOptions,
  signal: AbortSignal,
): Promise<ParentIndex | DroverError> {
  const state = await stat(file.path).catch(() => undefined);
  const cache = indexCaches.get(reading) ?? new Map<string, Promise<ParentIndex>>();
  indexCaches.set(reading, cache);
  const key = `${file.path}\n${state?.size}\n${state?.mtimeMs}\n${file.idColumns.join('\n')}`;
  const build = (): Promise<ParentIndex> => {
    const index = buildParentIndex(csvRecords(file, signal), entity, reading);
    if (cache.size >= maxCachedIndexes) cache.clear();
    cache.set(key, index);
    // A failure (a pause, a file that is not there yet) must not be remembered.
    index.catch(() => cache.delete(key));
    return index;
  };
  try {
    // Another reader's index may fail because that reader was stopped.
    return await (cache.get(key)?.catch(() => build()) ?? build());
  } catch (thrown) {
    if (state === undefined && thrown instanceof DroverError && thrown.code === 'SOURCE_FILE') return thrown;
    throw thrown;
  }
}

const nameColumns = new Set(['name', 'fullname', 'displayname', 'username', 'title']);
const quietContext = { note: () => {} } as unknown as ParseContext;

/**
 * Indexes a file by id, e-mail address and name. Several accounts with one address are one person, who is merged later, so
 * any of them will do; several with one name are several people. An id in another Unicode form is the same id.
 */
async function buildParentIndex(
  records: AsyncIterable<SourceRecord>,
  entity: EntityName,
  reading: ReadOptions,
): Promise<ParentIndex> {
  const ids = new Set<string>();
  const byComposedId = new Map<string, string>();
  const byName = new Map<string, string | null>();
  const byEmail = new Map<string, string>();
  for await (const { sourceId, raw } of records) {
    ids.add(sourceId);
    if (!isAscii(sourceId)) byComposedId.set(sourceId.normalize('NFC'), sourceId);
    const address = entity === 'users' ? emailOf(reading.pickers.users(raw)[0]?.value) : undefined;
    if (address !== undefined && !byEmail.has(address)) byEmail.set(address, sourceId);
    for (const [key, value] of Object.entries(raw)) {
      if (typeof value !== 'string' || value.trim() === '' || !nameColumns.has(normalizedName(key))) continue;
      const name = normalizedDisplayName(value);
      byName.set(name, byName.has(name) && byName.get(name) !== sourceId ? null : sourceId);
    }
  }
  return (word) => {
    const id = ids.has(word) ? word : byComposedId.get(word.normalize('NFC'));
    return id ?? byEmail.get(emailOf(word) ?? '') ?? byName.get(normalizedDisplayName(word));
  };
}

function isAscii(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text);
}

function emailOf(value: unknown): string | undefined {
  const address = typeof value === 'string' ? email(value, quietContext) : undefined;
  return typeof address === 'string' ? address : undefined;
}

function normalizedDisplayName(name: string): string {
  return name.normalize('NFC').trim().replace(/\s+/g, ' ').toLowerCase();
}
