import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import type { Page, Scope, Source, SourceRecord } from '../../plan/contract.ts';
import type { Json, JsonObject } from '../../plan/json.ts';
import { type BubbleApi, createBubbleApi } from './api.ts';
import { chunkFrom, readByIds } from './by-ids.ts';
import { windowConstraints } from './constraint.ts';
import { positionSchema, type ScanPosition, startPosition } from './position.ts';
import { resolveBubbleType } from './resolve-type.ts';
import { scanNextPage } from './scan.ts';
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
