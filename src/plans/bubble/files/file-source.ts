import type { Page, Source, SourceContext, SourceRecord } from '../../../plan/contract.ts';
import type { Json } from '../../../plan/json.ts';
import { createCsvSource } from '../../../sources/csv/csv-source.ts';
import type { EntityName } from '../entity-names.ts';
import type { BubbleParams } from '../params.ts';
import { readOptionsOf } from '../reading.ts';
import { changedAt } from './changed-at.ts';
import { withNote, zoneOf } from './csv-note.ts';
import { exportFolder } from './export-folder.ts';
import { type FileCursor, parseFileCursor, storedFileCursor } from './file-cursor.ts';
import { detectZone } from './find-zone.ts';
import { createReferenceResolver, type ReferenceResolver } from './linker.ts';

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
