import { z } from 'zod';
import type { Page, Source, SourceContext, SourceRecord } from '../../../plan/contract.ts';
import type { Json, JsonObject } from '../../../plan/json.ts';
import { createCsvSource, csvRecords } from '../../../sources/csv/source.ts';
import type { EntityName } from '../entity-names.ts';
import { type Field, fieldMap } from '../field-map.ts';
import { type BubbleParams, readOptionsOf } from '../params.ts';
import type { LocalZone } from '../parsers/local-zone.ts';
import type { ParseContext, ReadOptions } from '../parsers/parser.ts';
import { email } from '../parsers/text.ts';
import { readWallTime } from '../parsers/times.ts';
import { normalizedName } from '../picker.ts';
import { type ExportFolder, exportFolder } from './files.ts';
import { type CsvNote, csvZoneSchema, withNote, zoneOf } from './note.ts';
import { detectZone } from './time-zone.ts';

/**
 * The records of a CSV file: one that `drover export` wrote, or one of Bubble's own export. What only a whole file can tell of a
 * record (the zone of its dates, whom a display name means) is found here and noted on the record.
 */
export function openCsvSource(entity: EntityName, params: BubbleParams, { settings }: SourceContext): Source {
  const reading = readOptionsOf(params);
  const folder = exportFolder(params, settings);
  const link = createReferenceResolver(entity, reading, folder);
  const begin = async (signal: AbortSignal): Promise<FileCursor> => {
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

/** Says whom a record's references by e-mail or name mean; undefined when it has only ids. */
type ReferenceResolver = (raw: JsonObject, signal: AbortSignal) => Promise<CsvNote['links'] | undefined>;

// What Bubble shows of a linked thing is its e-mail or name unless it is an id. Ids have no blanks and no @.
const looksLikeId = /^[\w.:-]+$/;

/** Reads the files of an entity's parents, and only when a record names one of them otherwise than by its id. */
function createReferenceResolver(entity: EntityName, reading: ReadOptions, folder: ExportFolder): ReferenceResolver {
  const columns = Object.values<Field>(fieldMap[entity]).map(({ references }) => references as EntityName | undefined);
  const indexes = new Map<EntityName, Promise<NameIndex>>();
  const indexOf = (parent: EntityName, signal: AbortSignal): Promise<NameIndex> => {
    const known = indexes.get(parent);
    if (known !== undefined) return known;
    const index = buildNameIndex(csvRecords(folder(parent), signal), parent, reading);
    indexes.set(parent, index);
    // A failure (a pause, a file that is not there yet) must not be remembered.
    index.catch(() => indexes.delete(parent));
    return index;
  };
  return async (raw, signal) => {
    const links: Record<string, string | null> = {};
    for (const [at, pick] of reading.pickers[entity](raw).entries()) {
      const parent = columns[at];
      if (parent === undefined || typeof pick?.value !== 'string' || isRecordId(pick.value)) continue;
      const found = (await indexOf(parent, signal))(pick.value);
      links[pick.key] = found === undefined ? '' : found;
    }
    return Object.keys(links).length > 0 ? links : undefined;
  };
}

function isRecordId(value: string): boolean {
  return looksLikeId.test(value.trim()) || value.trimStart().startsWith('[');
}

/** Finds records by what Bubble's export shows of them. null: several are shown so; undefined: none is. */
type NameIndex = (shown: string) => string | null | undefined;

const nameColumns = new Set(['name', 'fullname', 'displayname', 'username', 'title']);
const noteIgnoringContext = { note: () => {} } as unknown as ParseContext;

/**
 * Indexes a file by e-mail address and by name. Several accounts with one address are one person, who is merged later, so
 * any of them will do; several with one name are several people.
 */
async function buildNameIndex(
  records: AsyncIterable<SourceRecord>,
  entity: EntityName,
  reading: ReadOptions,
): Promise<NameIndex> {
  const byName = new Map<string, string | null>();
  const byEmail = new Map<string, string>();
  for await (const { sourceId, raw } of records) {
    const address = entity === 'users' ? emailOf(reading.pickers.users(raw)[0]?.value) : undefined;
    if (address !== undefined && !byEmail.has(address)) byEmail.set(address, sourceId);
    for (const [key, value] of Object.entries(raw)) {
      if (typeof value !== 'string' || value.trim() === '' || !nameColumns.has(normalizedName(key))) continue;
      const name = normalizedDisplayName(value);
      byName.set(name, byName.has(name) && byName.get(name) !== sourceId ? null : sourceId);
    }
  }
  return (shown) => byEmail.get(emailOf(shown) ?? '') ?? byName.get(normalizedDisplayName(shown));
}

function emailOf(value: unknown): string | undefined {
  const address = typeof value === 'string' ? email(value, noteIgnoringContext) : undefined;
  return typeof address === 'string' ? address : undefined;
}

function normalizedDisplayName(name: string): string {
  return name.normalize('NFC').trim().replace(/\s+/g, ' ').toLowerCase();
}
