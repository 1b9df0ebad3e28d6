import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import type { Page, Scope, Source } from '../../plan/contract.ts';
import type { Json, JsonObject } from '../../plan/json.ts';
import type { Upstream } from '../../plan/upstream.ts';
import { createRestTable, type RestQuery, type RestTable, roleOfKey } from './rest.ts';

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

export interface SupabaseSourceOptions {
  /** The upstream whose base URL ends in `/rest/v1` and whose headers carry the key; see `restUrl` and `keyHeaders`. */
  readonly upstream: Upstream;
  readonly table: string;
  /** What is read of a row, besides the key and the date column. */
  readonly columns: readonly string[];
  /** The primary key: unique, never null. Default `id`. */
  readonly key?: string | undefined;
  /** Rows asked for at once. The project may give fewer, silently; its default cap is 1,000. */
  readonly pageSize?: number | undefined;
  /** Columns that JSON numbers would spoil (`numeric`, `bigint`): they come as text. The key always does. */
  readonly numericAsText?: readonly string[] | undefined;
  /** When a row was last changed. Default `updated_at`; null when the table has no such column. */
  readonly dateColumn?: string | null | undefined;
  /** How far before `since` an incremental read begins, in milliseconds. */
  readonly overlapMs?: number | undefined;
  /** The key the upstream sends. Looked at for its role only, to explain why a table seems empty. */
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
  /** The key of the row read last, and when the reading began by the project's clock. */
  z.object({ kind: z.literal('keyset'), after: z.string(), startedAt: z.iso.datetime() }),
  z.object({ kind: z.literal('ids'), next: z.int().min(0) }),
]);

type Cursor = z.infer<typeof cursorSchema>;

/** @throws DroverError CONFIGURATION for a cursor of another source. */
function parseCursor(cursor: Json): Cursor {
  const parsed = cursorSchema.safeParse(cursor);
  if (parsed.success) return parsed.data;
  throw new DroverError('CONFIGURATION', 'the stored cursor is not one of the Supabase source', {
    remedy: 'Start a new run: this one was begun with another kind of source.',
    cause: parsed.error,
  });
}

/**
 * The scope's window as a filter. It begins a minute early, because a change can become visible after a later one, and
 * takes rows without a date, whose time of change is unknown; what is read twice changes nothing.
 */
export function windowQuery(
  { since, until }: Pick<Scope, 'since' | 'until'>,
  { dateColumn, overlapMs }: Pick<SupabaseSettings, 'dateColumn' | 'overlapMs'>,
): RestQuery {
  if (dateColumn === undefined || (since === undefined && until === undefined)) return {};
  const from = since === undefined ? undefined : new Date(Date.parse(since) - overlapMs).toISOString();
  // Quoted, because dots and colons mean something inside a tree of conditions.
  const bounds = [
    ...(from === undefined ? [] : [`${dateColumn}.gte."${from}"`]),
    ...(until === undefined ? [] : [`${dateColumn}.lt."${until}"`]),
  ];
  return { or: `(and(${bounds.join(',')}),${dateColumn}.is.null)` };
}

// The list travels in the URL, and 8 KB is where gateways begin to refuse.
const maxCharacters = 2_000;

/** How many of the ids from this place on go into one request. At least one. */
export function chunkFrom(ids: readonly string[], at: number, pageSize: number): string[] {
  const chunk: string[] = [];
  let characters = 0;
  for (const id of ids.slice(at, at + pageSize)) {
    characters += encodeURIComponent(id).length + 10;
    if (chunk.length > 0 && characters > maxCharacters) break;
    chunk.push(id);
  }
  return chunk;
}

/** The rows with these ids, in their order; an id that no row has gives none. */
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
    // The project may have cut the answer short, so missing rows are requested again.
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

/** One id that the key's type cannot hold (`abc` among numbers) has the whole list refused; it is an id that no row has. */
async function readOneByOne(table: RestTable, settings: SupabaseSettings, ids: readonly string[], signal: AbortSignal) {
  await table.rows({ select: settings.select, limit: 0 }, signal); // refused as well: then it is not about an id
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
 * Called when a table seems empty. Row security hides rows without a word, so an empty answer means something only
 * when the key is above it.
 * @throws DroverError CONFIGURATION when the key's role is not, and sees no row of the table at all.
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
      'Row level security answers such a key with nothing instead of an error, so an empty table cannot be told from a hidden ' +
      'one: set SUPABASE_SERVICE_ROLE_KEY to the service-role key (role service_role, or sb_secret_...).',
  });
}
