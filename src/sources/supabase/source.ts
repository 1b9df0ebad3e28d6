import { DroverError } from '../../errors.ts';
import type { Page, Scope, Source } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import { chunkFrom, readByIds } from './by-ids.ts';
import { type Cursor, parseCursor } from './cursor.ts';
import { createRestTable, type RestTable } from './rest.ts';
import { assertNotHiddenByRowSecurity } from './row-security.ts';
import { type SupabaseSettings, type SupabaseSourceOptions, settingsOf } from './settings.ts';
import { windowQuery } from './window.ts';

/**
 * One table of a Supabase project over its REST interface, by keyset: every page begins behind the key of the last row,
 * so rows that come and go meanwhile shift nothing. Only an empty page is the end, because projects cut pages
 * silently. Ids of the scope that do not exist are left out.
 *
 * The watermark is the newest change on the page, but no later than the scan's beginning: a row changed behind the
 * scan's back is older than some that were read after it, and must not be missed next time.
 */
export function createSupabaseSource(options: SupabaseSourceOptions): Source {
  const settings = settingsOf(options);
  const table = createRestTable(options.upstream, options.table);
  return {
    async read(cursor, scope, signal) {
      const place = cursor === null ? undefined : parseCursor(cursor);
      if (scope.ids) return readIds(table, settings, scope.ids, place?.kind === 'ids' ? place.next : 0, signal);
      const page = await readNextPage(table, settings, place?.kind === 'keyset' ? place : undefined, scope, signal);
      if (place === undefined && page.records.length === 0) {
        await assertNotHiddenByRowSecurity(table, options.table, options.apiKey, signal);
      }
      return page;
    },

    async count(scope, signal) {
      if (scope.ids) return undefined;
      return table.count({ select: settings.key, ...windowQuery(scope, settings) }, signal);
    },
  };
}

async function readNextPage(
  table: RestTable,
  settings: SupabaseSettings,
  place: Extract<Cursor, { kind: 'keyset' }> | undefined,
  scope: Scope,
  signal: AbortSignal,
): Promise<Page> {
  const { key, select, pageSize } = settings;
  const beyond = place === undefined ? {} : { [key]: `gt.${place.after}` };
  const query = { select, ...beyond, ...windowQuery(scope, settings), order: `${key}.asc`, limit: pageSize };
  const { rows, answeredAt } = await table.rows(query, signal);
  assertBeyond(place?.after, rows, settings);
  const startedAt = place?.startedAt ?? new Date(answeredAt).toISOString();
  const last = rows.at(-1)?.[key];
  return {
    records: rows.map((raw) => ({ sourceId: idOf(raw, settings), raw })),
    cursor: last === undefined || last === null ? null : { kind: 'keyset', after: String(last), startedAt },
    watermark: newestChange(rows, settings, startedAt),
  };
}

async function readIds(
  table: RestTable,
  settings: SupabaseSettings,
  wanted: readonly string[],
  at: number,
  signal: AbortSignal,
): Promise<Page> {
  const ids = [...new Set(wanted)].filter((id) => id !== '');
  const chunk = chunkFrom(ids, at, settings.pageSize);
  if (chunk.length === 0) return { records: [], cursor: null };
  const rows = await readByIds(table, settings, chunk, signal);
  const next = at + chunk.length;
  return {
    records: rows.map((raw) => ({ sourceId: idOf(raw, settings), raw })),
    cursor: next < ids.length ? { kind: 'ids', next } : null,
  };
}

function idOf(raw: JsonObject, { key }: SupabaseSettings): string {
  return String(raw[key] ?? '');
}

/** A source that ignores the filter would answer from its beginning, and the reading would go round in circles. */
function assertBeyond(after: string | undefined, rows: readonly JsonObject[], settings: SupabaseSettings): void {
  if (after === undefined) return;
  const isEarly = (id: string) => id === after || (isWhole(id) && isWhole(after) && BigInt(id) < BigInt(after));
  const early = rows.map((row) => idOf(row, settings)).find(isEarly);
  if (early === undefined) return;
  const message = `supabase ${settings.table}: the row ${early} came when asked for those after ${after}`;
  throw new DroverError('UPSTREAM_BAD_ANSWER', message);
}

function isWhole(text: string): boolean {
  return /^-?\d+$/.test(text);
}

/** A column without zones holds UTC, which is what its rows are compared in; this process may stand elsewhere. */
function instantOf(text: string): number {
  const bare = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?$/.test(text);
  return Date.parse(bare ? `${text.replace(' ', 'T')}Z` : text);
}

function newestChange(
  rows: readonly JsonObject[],
  { dateColumn }: SupabaseSettings,
  startedAt: string,
): string | undefined {
  if (dateColumn === undefined) return undefined;
  const changes = rows.map((row) => instantOf(String(row[dateColumn]))).filter((time) => !Number.isNaN(time));
  if (changes.length === 0) return undefined;
  return new Date(
    Math.min(
      changes.reduce((a, b) => Math.max(a, b)),
      Date.parse(startedAt),
    ),
  ).toISOString();
}
