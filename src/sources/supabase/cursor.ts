import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import type { Json } from '../../plan/json.ts';

const cursorSchema = z.discriminatedUnion('kind', [
  /** The key of the row read last, and when the reading began by the project's clock. */
  z.object({ kind: z.literal('keyset'), after: z.string(), startedAt: z.iso.datetime() }),
  z.object({ kind: z.literal('ids'), next: z.int().min(0) }),
]);

export type Cursor = z.infer<typeof cursorSchema>;

/** @throws DroverError CONFIGURATION for a cursor of another source. */
export function parseCursor(cursor: Json): Cursor {
  const parsed = cursorSchema.safeParse(cursor);
  if (parsed.success) return parsed.data;
  throw new DroverError('CONFIGURATION', 'the stored cursor is not one of the Supabase source', {
    remedy: 'Start a new run: this one was begun with another kind of source.',
    cause: parsed.error,
  });
}
