import { z } from 'zod';
import type { JsonObject } from '../../plan/json.ts';
import { fixedZone, type LocalZone } from './parsers/local-zone.ts';

/**
 * What only the whole of a file tells of a record, kept with the record: a transform sees one record, in another process,
 * perhaps days later. The key cannot be a column's name in Bubble's export by accident, and no candidate matches it.
 */
export const csvNoteKey = 'drover:csv';

const noteSchema = z.object({
  /** The offset of local times in minutes, and between which instants (milliseconds) it is known to hold. */
  zone: z.object({ offset: z.number(), from: z.number(), to: z.number() }).exactOptional(),
  /** By column: the id of the record that the column names by its e-mail or name; null when several are named so. */
  links: z.record(z.string(), z.string().nullable()).exactOptional(),
});

export type CsvNote = z.output<typeof noteSchema>;

/** The note on a record; undefined on records of the API and of an exported file. */
export function csvNoteOf(raw: JsonObject): CsvNote | undefined {
  const note = Object.hasOwn(raw, csvNoteKey) ? raw[csvNoteKey] : undefined;
  return note === undefined ? undefined : noteSchema.safeParse(note).data;
}

/** The zone that was found for the record's file. */
export function zoneOf(note: CsvNote | undefined): LocalZone | undefined {
  return note?.zone && fixedZone(note.zone.offset, note.zone.from, note.zone.to);
}
