import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import type { Json } from '../../plan/json.ts';
import type { CsvFile } from './csv-file.ts';
import type { FilePosition } from './csv-rows.ts';

const cursorSchema = z.strictObject({
  byte: z.int().min(0),
  line: z.int().min(0),
  row: z.int().min(0),
  size: z.int().min(0),
});

/** Where a page ends, so that the next one seeks there instead of reading the file again. */
export function cursorAt(file: CsvFile, { byte, line }: FilePosition, row: number): Json {
  return { byte, line, row, size: file.size };
}

/** The place a cursor means. Throws SOURCE_FILE when the file is not the one it was made for. */
export function positionOf(cursor: Json, file: CsvFile): FilePosition & { readonly row: number } {
  const { byte, line, row, size } = cursorSchema.parse(cursor);
  // Not the time of change as well: workers on several machines may each have a copy of the file.
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
