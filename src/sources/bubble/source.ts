import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import type { Page, Scope, Source, SourceRecord } from '../../plan/contract.ts';
import type { Json, JsonObject } from '../../plan/json.ts';
import { type BubbleApi, createBubbleApi, resolveBubbleType, windowConstraints } from './api.ts';
import { positionSchema, type ScanPosition, scanNextPage, startPosition } from './scan.ts';
import { type BubbleSettings, type BubbleSourceOptions, settingsOf } from './settings.ts';

const cursorSchema = z.discriminatedUnion('kind', [
  positionSchema,
  z.object({ kind: z.literal('ids'), next: z.int().min(0) }),
]);

/**
 * One type of a Bubble app over its Data API. Reads every row that lives through the scan exactly once, past the wall
 * and over rows deleted meanwhile; only where more than 200 rows created in one millisecond change their order are some
 * given again. Ids of the scope that do not exist are left out.
 *
 * The watermark is the newest change on the page, but no later than the scan's beginning: a row changed behind the
 * scan's back is older than some that were read after it, and must not be missed next time.
 */
export function createBubbleSource(options: BubbleSourceOptions): Source {
  const settings = settingsOf(options);
  const apiOf = memoizeSuccess((signal: AbortSignal) => openApi(options, signal));
  return {
    async read(cursor, scope, signal) {
      const api = await apiOf(signal);
      const place = cursor === null ? undefined : parseCursor(cursor);
      if (scope.ids) return readIds(api, settings, scope.ids, place?.kind === 'ids' ? place.next : 0, signal);
      return readScan(api, settings, place?.kind === 'scan' ? place : undefined, scope, signal);
    },

    async count(scope, signal) {
      if (scope.ids) return undefined;
      const api = await apiOf(signal);
      const constraints = windowConstraints(scope, settings);
      const { rows, remaining } = await api.list({ constraints, sort: [], offset: 0, limit: 1 }, signal);
      return remaining === undefined ? undefined : rows.length + remaining;
    },
  };
}

async function openApi({ upstream, type }: BubbleSourceOptions, signal: AbortSignal): Promise<BubbleApi> {
  return createBubbleApi(upstream, typeof type === 'string' ? type : await resolveBubbleType(upstream, type, signal));
}

async function readScan(
  api: BubbleApi,
  settings: BubbleSettings,
  place: ScanPosition | undefined,
  scope: Scope,
  signal: AbortSignal,
): Promise<Page> {
  const window = windowConstraints(scope, settings);
  const { rows, next, answeredAt } = await scanNextPage({ api, settings, window }, place ?? startPosition(), signal);
  const startedAt = place?.startedAt ?? new Date(answeredAt).toISOString();
  return {
    records: rows.map(({ id, raw }) => ({ sourceId: id, raw })),
    cursor: next ? { ...next, startedAt } : null,
    watermark: newestChange(rows, settings, startedAt),
  };
}

async function readIds(
  api: BubbleApi,
  settings: BubbleSettings,
  wanted: readonly string[],
  at: number,
  signal: AbortSignal,
): Promise<Page> {
  const ids = [...new Set(wanted)].filter((id) => id !== '');
  const chunk = chunkFrom(ids, at, settings.pageSize);
  if (chunk.length === 0) return { records: [], cursor: null };
  const rows = await readByIds(api, settings, chunk, signal);
  const next = at + chunk.length;
  return {
    records: rows.map((raw): SourceRecord => ({ sourceId: String(raw[settings.idKey] ?? ''), raw })),
    cursor: next < ids.length ? { kind: 'ids', next } : null,
  };
}

function newestChange(
  rows: readonly { raw: JsonObject }[],
  { modifiedKey }: BubbleSettings,
  startedAt: string,
): string | undefined {
  const changes = rows.map(({ raw }) => Date.parse(String(raw[modifiedKey]))).filter((time) => !Number.isNaN(time));
  if (changes.length === 0) return undefined;
  return new Date(Math.min(Math.max(...changes), Date.parse(startedAt))).toISOString();
}

function parseCursor(cursor: Json): z.infer<typeof cursorSchema> {
  const parsed = cursorSchema.safeParse(cursor);
  if (parsed.success) return parsed.data;
  throw new DroverError('CONFIGURATION', 'the stored cursor is not one of the Bubble source', {
    remedy: 'Start a new run: this one was begun with another kind of source.',
    cause: parsed.error,
  });
}

/** Remembers a success; a failure is tried again by the next caller. */
function memoizeSuccess<A, T>(work: (argument: A) => Promise<T>): (argument: A) => Promise<T> {
  let result: T | undefined;
  return async (argument) => {
    result ??= await work(argument);
    return result;
  };
}

// A constraint travels in the URL, and 8 KB is where servers begin to refuse.
const maxCharacters = 1_500;

/** How many of the ids from this place on go into one request. At least one. */
function chunkFrom(ids: readonly string[], at: number, pageSize: number): string[] {
  const chunk: string[] = [];
  let characters = 0;
  for (const id of ids.slice(at, at + Math.min(pageSize, 50))) {
    characters += id.length + 3;
    if (chunk.length > 0 && characters > maxCharacters) break;
    chunk.push(id);
  }
  return chunk;
}

/**
 * The rows with these ids; an id that does not exist gives none. One search for all, then every id that it did not
 * give by itself: Bubble may clamp the page, and not every version of it searches by id.
 */
async function readByIds(
  api: BubbleApi,
  { idKey }: Pick<BubbleSettings, 'idKey'>,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<JsonObject[]> {
  const constraints = [{ key: idKey, constraint_type: 'in' as const, value: ids }];
  const { rows } = await api.list({ constraints, sort: [], offset: 0, limit: ids.length }, signal);
  const found = new Map(rows.map((row) => [String(row[idKey] ?? ''), row]));
  for (const id of ids.filter((wanted) => !found.has(wanted))) {
    const row = await api.get(id, signal);
    if (row) found.set(id, row);
  }
  return ids.map((id) => found.get(id)).filter((row) => row !== undefined);
}
