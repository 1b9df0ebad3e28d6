import { z } from 'zod';
import { DroverError } from '../errors.ts';
import type { Page, SourceRecord } from '../plan/contract.ts';
import type { Json } from '../plan/json.ts';
import type { UpstreamResponse } from '../plan/upstream.ts';

// What sources share: stored cursors, pages of selected ids, and the watermark of a page.

/** The cursor of a read by ids: the index of the next id in the scope's list. */
export const idsCursor = z.object({ kind: z.literal('ids'), next: z.int().min(0) });

type IdsCursor = z.infer<typeof idsCursor>;

/**
 * A cursor as a source stored it; undefined for null, the start.
 * @param source the name in the message: `Bubble`
 * @throws DroverError CONFIGURATION for a cursor of another kind of source.
 */
export function parseCursor<T>(schema: z.ZodType<T>, cursor: Json | null, source: string): T | undefined {
  if (cursor === null) return undefined;
  const parsed = schema.safeParse(cursor);
  if (parsed.success) return parsed.data;
  throw new DroverError('CONFIGURATION', `the stored cursor is not one of the ${source} source`, {
    remedy: 'Start a new run: this one was begun with another kind of source.',
    cause: parsed.error,
  });
}

/** How many ids one page may contain. */
export interface IdChunk {
  readonly maxIds: number;
  /** Largest total of `lengthOf`, where the ids are sent in one URL. */
  readonly maxCharacters?: number;
  readonly lengthOf?: (id: string) => number;
}

/** The ids of a page, from index `from` on; at least one if there is one. */
export function chunkOfIds(ids: readonly string[], from: number, chunk: IdChunk): readonly string[] {
  const { maxIds, maxCharacters = Number.POSITIVE_INFINITY, lengthOf = () => 0 } = chunk;
  const found: string[] = [];
  let characters = 0;
  for (const id of ids.slice(from, from + maxIds)) {
    characters += lengthOf(id);
    if (found.length > 0 && characters > maxCharacters) break;
    found.push(id);
  }
  return found;
}

/**
 * The page of a read by ids that begins at the cursor. Empty and repeated ids are left out.
 * @param read returns the records of a chunk; an id that does not exist gives none
 */
export async function readIdsPage(
  wanted: readonly string[],
  cursor: IdsCursor | { readonly kind: string } | undefined,
  chunk: IdChunk,
  read: (ids: readonly string[]) => Promise<readonly SourceRecord[]>,
): Promise<Page> {
  const ids = [...new Set(wanted)].filter((id) => id !== '');
  const from = cursor !== undefined && 'next' in cursor ? cursor.next : 0;
  const chosen = chunkOfIds(ids, from, chunk);
  if (chosen.length === 0) return { records: [], cursor: null };
  const records = await read(chosen);
  const next = from + chosen.length;
  return { records, cursor: next < ids.length ? { kind: 'ids', next } : null };
}

/** When the server answered, by its own clock, in milliseconds since 1970; by ours when it does not say. */
export function answeredAt({ headers }: UpstreamResponse): number {
  const served = Date.parse(headers.date ?? '');
  return Number.isNaN(served) ? Date.now() : served;
}

/**
 * The watermark of a page: its newest time of change, but not after the start of the scan. A row that changed behind the
 * scan is older than some that were read after it, and the next incremental run must read it.
 * @param changes milliseconds since 1970; NaN for a record without one
 */
export function watermarkOf(changes: readonly number[], startedAt: string): string | undefined {
  const known = changes.filter((time) => !Number.isNaN(time));
  if (known.length === 0) return undefined;
  const newest = known.reduce((one, other) => Math.max(one, other));
  return new Date(Math.min(newest, Date.parse(startedAt))).toISOString();
}
