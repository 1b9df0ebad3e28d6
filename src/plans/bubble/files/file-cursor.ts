import { z } from 'zod';
import type { Json } from '../../../plan/json.ts';
import { csvZoneSchema } from './csv-note.ts';

const schema = z.strictObject({ file: z.json().nullable(), zone: csvZoneSchema.nullable() });

/** Where reading stands in a file, and what was found of the whole file when it began. */
export interface FileCursor {
  readonly file: Json | null;
  readonly zone: z.output<typeof csvZoneSchema> | null;
}

/** The cursor as it was stored. */
export function parseFileCursor(cursor: Json): FileCursor {
  return schema.parse(cursor) as FileCursor;
}

/** The cursor as it is stored; null at the end of the file. */
export function storedFileCursor({ file, zone }: FileCursor): Json | null {
  return file === null ? null : { file, zone };
}
