import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import type { Json } from '../../plan/json.ts';

const cursorSchema = z.discriminatedUnion('kind', [
  /** `pass`: which of several lists is being read; `after`: the id read last; `startedAt`: when reading began. */
  z.object({
    kind: z.literal('list'),
    pass: z.int().min(0),
    after: z.string().nullable(),
    startedAt: z.iso.datetime(),
  }),
  z.object({ kind: z.literal('ids'), next: z.int().min(0) }),
]);

export type XenditCursor = z.infer<typeof cursorSchema>;

/** @throws DroverError CONFIGURATION for a cursor of another source. */
export function parseCursor(cursor: Json): XenditCursor {
  const parsed = cursorSchema.safeParse(cursor);
  if (parsed.success) return parsed.data;
  throw new DroverError('CONFIGURATION', 'the stored cursor is not one of the Xendit source', {
    remedy: 'Start a new run: this one was begun with another kind of source.',
    cause: parsed.error,
  });
}
