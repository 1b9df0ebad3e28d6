import { z } from 'zod';
import type { Page, Scope, Source } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import { type IdChunk, idsCursor, parseCursor, readIdsPage, watermarkOf } from '../paging.ts';
import { type BubbleApi, createBubbleApi, resolveBubbleType, windowConstraints } from './api.ts';
import { positionSchema, type ScanPosition, scanNextPage, startPosition } from './scan.ts';
import { type BubbleSettings, type BubbleSourceOptions, settingsOf } from './settings.ts';

const cursorSchema = z.discriminatedUnion('kind', [positionSchema, idsCursor]);

/**
 * One type of a Bubble app over its Data API. Reads every row that exists during the whole scan exactly once, beyond
 * Bubble's offset limit and across rows deleted meanwhile; only where more than 200 rows created in one millisecond change
 * their order are some returned again. Ids of the scope that do not exist are left out.
 */
export function createBubbleSource(options: BubbleSourceOptions): Source {
  const settings = settingsOf(options);
  const apiOf = memoizeSuccess((signal: AbortSignal) => openApi(options, signal));
  return {
    async read(cursor, scope, signal) {
      const api = await apiOf(signal);
      const position = parseCursor(cursorSchema, cursor, 'Bubble');
      if (scope.ids) {
        return readIdsPage(scope.ids, position, idChunk(settings), async (ids) => {
          const rows = await readByIds(api, settings, ids, signal);
          return rows.map((raw) => ({ sourceId: String(raw[settings.idKey] ?? ''), raw }));
        });
      }
      return readScan(api, settings, position?.kind === 'scan' ? position : undefined, scope, signal);
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
  position: ScanPosition | undefined,
  scope: Scope,
  signal: AbortSignal,
): Promise<Page> {
  const window = windowConstraints(scope, settings);
  const { rows, next, answeredAt } = await scanNextPage({ api, settings, window }, position ?? startPosition(), signal);
  const startedAt = position?.startedAt ?? new Date(answeredAt).toISOString();
  return {
    records: rows.map(({ id, raw }) => ({ sourceId: id, raw })),
    cursor: next ? { ...next, startedAt } : null,
    watermark: watermarkOf(
      rows.map(({ raw }) => Date.parse(String(raw[settings.modifiedKey]))),
      startedAt,
    ),
  };
}

/** Caches the first success; after a failure the next caller tries again. */
function memoizeSuccess<A, T>(work: (argument: A) => Promise<T>): (argument: A) => Promise<T> {
  let result: T | undefined;
  return async (argument) => {
    result ??= await work(argument);
    return result;
  };
}

// The constraint is part of the URL, and servers refuse URLs from 8 KB on.
const idChunk = ({ pageSize }: BubbleSettings): IdChunk => ({
  maxIds: Math.min(pageSize, 50),
  maxCharacters: 1_500,
  lengthOf: (id) => id.length + 3,
});

/**
 * The rows with these ids; an id that does not exist gives none. One search for all, then one request for each id that
 * the search did not return: Bubble may reduce the page size, and not every version of it searches by id.
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
