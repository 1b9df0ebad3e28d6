import { z } from 'zod';
import type { JsonObject } from '../../../plan/json.ts';
import { fixedZone, type LocalZone } from '../parsers/local-zone.ts';

/**
 * What only the whole of a file tells of a record, kept with the record: a transform sees one record, in another process,
 * perhaps days later. The key cannot be a column's name in Bubble's export by accident, and no candidate matches it.
 */
export const csvNoteKey = 'drover:csv';

/** The offset of local times in minutes, and between which instants (milliseconds) it is known to hold. */
export const csvZoneSchema = z.object({ offset: z.number(), from: z.number(), to: z.number() });

const noteSchema = z.object({
  zone: csvZoneSchema.exactOptional(),
  /**
   * By column: the id of the record that the column names by its e-mail or name; null when several are named so, empty when
   * none is.
   */
  links: z.record(z.string(), z.string().nullable()).exactOptional(),
});

export type CsvNote = z.output<typeof noteSchema>;
export type CsvZone = z.output<typeof csvZoneSchema>;

/** The note on a record; undefined on records of the API and of an exported file. */
export function csvNoteOf(raw: JsonObject): CsvNote | undefined {
  const note = Object.hasOwn(raw, csvNoteKey) ? raw[csvNoteKey] : undefined;
  return note === undefined ? undefined : noteSchema.safeParse(note).data;
}

/** The record with the note on it, when there is anything to note. */
export function withNote(raw: JsonObject, note: CsvNote): JsonObject {
  return Object.keys(note).length === 0 ? raw : { ...raw, [csvNoteKey]: note };
}

/** The zone that was found for a file. */
export function zoneOf(zone: CsvZone | null | undefined): LocalZone | undefined {
  return zone ? fixedZone(zone.offset, zone.from, zone.to) : undefined;
}
