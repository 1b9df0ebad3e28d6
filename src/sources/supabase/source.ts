import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import type { Page, Scope, Source } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { Upstream } from '../../plan/upstream.ts';
import { type IdChunk, idsCursor, parseCursor, readIdsPage, watermarkOf } from '../paging.ts';
import { createRestTable, type RestQuery, type RestTable, roleOfKey } from './rest.ts';

/**
 * One table of a Supabase project over its REST interface, by keyset pagination: every page begins after the key of the
 * last row, so rows added or deleted meanwhile shift nothing. Only an empty page is the end, because projects truncate
 * pages silently. Ids of the scope that do not exist are left out.
 */
export function createSupabaseSource(options: SupabaseSourceOptions): Source {
  const settings = settingsOf(options);
  const table = createRestTable(options.upstream, options.table);
  return {
    async read(cursor, scope, signal) {
      const position = parseCursor(cursorSchema, cursor, 'Supabase');
      if (scope.ids) {
        return readIdsPage(scope.ids, position, idChunk(settings.pageSize), async (ids) => {
          const rows = await readByIds(table, settings, ids, signal);
          return rows.map((raw) => ({ sourceId: idOf(raw, settings), raw }));
        });
      }
      const keyset = position?.kind === 'keyset' ? position : undefined;
      const page = await readNextPage(table, settings, keyset, scope, signal);
      if (position === undefined && page.records.length === 0) {
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
  position: Extract<Cursor, { kind: 'keyset' }> | undefined,
  scope: Scope,
  signal: AbortSignal,
): Promise<Page> {
  const { key, select, pageSize } = settings;
  const beyond = position === undefined ? {} : { [key]: `gt.${position.after}` };
  const query = { select, ...beyond, ...windowQuery(scope, settings), order: `${key}.asc`, limit: pageSize };
  const { rows, answeredAt } = await table.rows(query, signal);
  assertBeyond(position?.after, rows, settings);
  const startedAt = position?.startedAt ?? new Date(answeredAt).toISOString();
  const last = rows.at(-1)?.[key];
  return {
    records: rows.map((raw) => ({ sourceId: idOf(raw, settings), raw })),
    cursor: last === undefined || last === null ? null : { kind: 'keyset', after: String(last), startedAt },
    watermark: watermarkOf(changesOf(rows, settings), startedAt),
  };
}

function idOf(raw: JsonObject, { key }: SupabaseSettings): string {
  return String(raw[key] ?? '');
}

/** A source that ignores the filter would answer from its beginning, and the read would never end. */
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

/** A column without time zones contains UTC, in which its rows are compared; this process may have another zone. */
function instantOf(text: string): number {
  const bare = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?$/.test(text);
  return Date.parse(bare ? `${text.replace(' ', 'T')}Z` : text);
}

function changesOf(rows: readonly JsonObject[], { dateColumn }: SupabaseSettings): readonly number[] {
  return dateColumn === undefined ? [] : rows.map((row) => instantOf(String(row[dateColumn])));
}

export interface SupabaseSourceOptions {
  /** The upstream whose base URL ends in `/rest/v1` and whose headers carry the key; see `restUrl` and `keyHeaders`. */
  readonly upstream: Upstream;
  readonly table: string;
  /** Columns to read, besides the key and the date column. */
  readonly columns: readonly string[];
  /** The primary key: unique, never null. Default `id`. */
  readonly key?: string | undefined;
  /** Rows of a page. The project may return fewer, silently; its default cap is 1,000. */
  readonly pageSize?: number | undefined;
  /** Columns that would lose precision as JSON numbers (`numeric`, `bigint`): they are read as text. The key always is. */
  readonly numericAsText?: readonly string[] | undefined;
  /** When a row was last changed. Default `updated_at`; null when the table has no such column. */
  readonly dateColumn?: string | null | undefined;
  /** How far before `since` an incremental read begins, in milliseconds. */
  readonly overlapMs?: number | undefined;
  /** The API key the upstream sends. Only its role is used, to explain why a table seems empty. */
  readonly apiKey?: string | undefined;
}

interface SupabaseSettings {
  readonly table: string;
  readonly key: string;
  readonly select: string;
  readonly pageSize: number;
  readonly dateColumn: string | undefined;
  readonly overlapMs: number;
}

export function settingsOf(options: SupabaseSourceOptions): SupabaseSettings {
  const key = options.key ?? 'id';
  const dateColumn = options.dateColumn === undefined ? 'updated_at' : (options.dateColumn ?? undefined);
  const asText = new Set([key, ...(options.numericAsText ?? [])]);
  const columns = new Set([key, ...options.columns, ...(dateColumn === undefined ? [] : [dateColumn])]);
  return {
    table: options.table,
    key,
    select: [...columns].map((column) => (asText.has(column) ? `${column}::text` : column)).join(','),
    pageSize: options.pageSize ?? 1000,
    dateColumn,
    overlapMs: options.overlapMs ?? 60_000,
  };
}

const cursorSchema = z.discriminatedUnion('kind', [
  /** The key of the row read last, and the start of the scan by the project's clock. */
  z.object({ kind: z.literal('keyset'), after: z.string(), startedAt: z.iso.datetime() }),
  idsCursor,
]);

type Cursor = z.infer<typeof cursorSchema>;

/**
 * The scope's window as a filter. It begins a minute early, because a change can become visible after a later one, and
 * includes rows without a date, whose time of change is unknown; reading a row twice changes nothing.
 */
export function windowQuery(
  { since, until }: Pick<Scope, 'since' | 'until'>,
  { dateColumn, overlapMs }: Pick<SupabaseSettings, 'dateColumn' | 'overlapMs'>,
): RestQuery {
  if (dateColumn === undefined || (since === undefined && until === undefined)) return {};
  const from = since === undefined ? undefined : new Date(Date.parse(since) - overlapMs).toISOString();
  // Quoted, because dots and colons are syntax inside a tree of conditions.
  const bounds = [
    ...(from === undefined ? [] : [`${dateColumn}.gte."${from}"`]),
    ...(until === undefined ? [] : [`${dateColumn}.lt."${until}"`]),
  ];
  return { or: `(and(${bounds.join(',')}),${dateColumn}.is.null)` };
}

// The list is part of the URL, and gateways refuse URLs from 8 KB on.
export const idChunk = (pageSize: number): IdChunk => ({
  maxIds: pageSize,
  maxCharacters: 2_000,
  lengthOf: (id) => encodeURIComponent(id).length + 10,
});

/** The rows with these ids, in their order; an id without a row gives none. */
async function readByIds(
  table: RestTable,
  settings: SupabaseSettings,
  ids: readonly string[],
  signal: AbortSignal,
): Promise<JsonObject[]> {
  const found = new Map<string, JsonObject>();
  let left = [...ids];
  while (left.length > 0) {
    const rows = await readBatch(table, settings, left, signal);
    for (const row of rows) found.set(String(row[settings.key]), row);
    if (rows.length === 0) break;
    // The project may have truncated the answer, so missing rows are requested again.
    left = left.filter((id) => !found.has(id));
  }
  return ids.map((id) => found.get(id)).filter((row) => row !== undefined);
}

async function readBatch(table: RestTable, settings: SupabaseSettings, ids: readonly string[], signal: AbortSignal) {
  const list = ids.map((id) => `"${id.replace(/[\\"]/g, '\\$&')}"`).join(',');
  const query = { select: settings.select, [settings.key]: `in.(${list})`, limit: ids.length };
  try {
    return (await table.rows(query, signal)).rows;
  } catch (error) {
    if (!(error instanceof DroverError && error.code === 'UPSTREAM_REFUSED')) throw error;
    return readOneByOne(table, settings, ids, signal);
  }
}

/** One id that the key's type cannot hold (`abc` among numbers) has the whole list refused; no row has such an id. */
async function readOneByOne(table: RestTable, settings: SupabaseSettings, ids: readonly string[], signal: AbortSignal) {
  await table.rows({ select: settings.select, limit: 0 }, signal); // when this is refused too, no id is the reason
  const rows: JsonObject[] = [];
  for (const id of ids) {
    try {
      rows.push(...(await table.rows({ select: settings.select, [settings.key]: `eq.${id}`, limit: 1 }, signal)).rows);
    } catch (error) {
      if (!(error instanceof DroverError && error.code === 'UPSTREAM_REFUSED')) throw error;
    }
  }
  return rows;
}

/**
 * Called when a table seems empty. Row level security hides rows silently, so an empty answer is conclusive only when the
 * key bypasses it.
 * @throws DroverError CONFIGURATION when the key's role does not and sees no row of the table at all.
 */
async function assertNotHiddenByRowSecurity(
  table: RestTable,
  name: string,
  apiKey: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const role = roleOfKey(apiKey);
  if (role === undefined || role === 'service_role') return;
  const seen = await table.count({}, signal);
  if (seen !== undefined && seen > 0) return;
  throw new DroverError('CONFIGURATION', `supabase ${name}: no row can be seen, and the key has the role ${role}`, {
    remedy:
      'Row level security answers such a key with no rows instead of an error, so an empty table cannot be distinguished from ' +
      'a hidden one: set SUPABASE_SERVICE_ROLE_KEY to the service-role key (role service_role, or sb_secret_...).',
  });
}
