import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import type { Page, Source } from '../../plan/contract.ts';
import type { Json, JsonObject } from '../../plan/json.ts';
import type { Upstream, UpstreamOptions, UpstreamResponse } from '../../plan/upstream.ts';

export interface SystemeioSourceOptions {
  readonly upstream: Upstream;
  /** Contacts asked for at once, 10 to 100. */
  readonly pageSize?: number | undefined;
}

const cursorSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('list'), after: z.string(), startedAt: z.iso.datetime() }),
  z.object({ kind: z.literal('ids'), next: z.int().min(0) }),
]);

const idsPerPage = 20;

/** How Systeme.io is reached. What is known of its limit is about 60 requests a minute. */
export function systemeioAccount(url: string, apiKey: string, maxRps = 1): UpstreamOptions {
  const baseUrl = url
    .trim()
    .replace(/\/+$/, '')
    .replace(/\/api$/, '');
  return { name: 'systemeio', baseUrl: `${baseUrl}/api`, headers: { 'x-api-key': apiKey.trim() }, maxRps };
}

/**
 * All contacts, following their ids in whichever direction the server gives them. Contacts have no time of change and a
 * tag is what matters most in them, so every run reads them all: a window would miss contacts that were tagged since. The watermark
 * is the beginning of the reading.
 */
export function createSystemeioSource({ upstream, pageSize = 100 }: SystemeioSourceOptions): Source {
  return {
    read(cursor, scope, signal) {
      const place = cursor === null ? undefined : parseCursor(cursor);
      if (scope.ids) return readIds(upstream, scope.ids, place?.kind === 'ids' ? place.next : 0, signal);
      return readPage(upstream, pageSize, place?.kind === 'list' ? place : undefined, signal);
    },
  };
}

async function readPage(
  upstream: Upstream,
  limit: number,
  place: { after: string; startedAt: string } | undefined,
  signal: AbortSignal,
): Promise<Page> {
  const query = { limit, order: 'asc', ...(place && { startingAfter: place.after }) };
  const response = await upstream.request({ method: 'GET', path: 'contacts', endpoint: 'contacts', query, signal });
  if (response.status === 404) throw contactsNotFound();
  const { rows, hasMore } = contactsIn(response);
  const last = rows.at(-1)?.id;
  if (hasMore && (last === undefined || String(last) === place?.after)) throw malformedAnswer();
  const served = Date.parse(response.headers.date ?? '');
  const startedAt = place?.startedAt ?? new Date(Number.isNaN(served) ? Date.now() : served).toISOString();
  return {
    records: rows.map(recordOf),
    cursor: hasMore ? { kind: 'list', after: String(last), startedAt } : null,
    watermark: startedAt,
  };
}

async function readIds(upstream: Upstream, wanted: readonly string[], at: number, signal: AbortSignal): Promise<Page> {
  const ids = [...new Set(wanted)].filter((id) => /^\d+$/.test(id));
  const rows: JsonObject[] = [];
  for (const id of ids.slice(at, at + idsPerPage)) {
    const response = await upstream.request({ method: 'GET', path: `contacts/${id}`, endpoint: 'contacts', signal });
    if (response.status !== 404) rows.push(objectOf(response.json()));
  }
  const next = at + idsPerPage;
  return { records: rows.map(recordOf), cursor: next < ids.length ? { kind: 'ids', next } : null };
}

function contactsIn(response: UpstreamResponse): { rows: readonly JsonObject[]; hasMore: boolean } {
  const { items, hasMore } = objectOf(response.json());
  if (!Array.isArray(items) || typeof hasMore !== 'boolean') throw malformedAnswer();
  return { rows: items.map(objectOf), hasMore };
}

function recordOf(raw: JsonObject) {
  const { id } = raw;
  return { sourceId: typeof id === 'number' || typeof id === 'string' ? String(id) : '', raw };
}

function objectOf(value: unknown): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformedAnswer();
  return value as JsonObject;
}

function parseCursor(cursor: Json): z.infer<typeof cursorSchema> {
  const parsed = cursorSchema.safeParse(cursor);
  if (parsed.success) return parsed.data;
  throw new DroverError('CONFIGURATION', 'the stored cursor is not one of the Systeme.io source', {
    remedy: 'Start a new run: this one was begun with another kind of source.',
    cause: parsed.error,
  });
}

function malformedAnswer(): DroverError {
  return new DroverError('UPSTREAM_BAD_ANSWER', 'systemeio contacts: the answer is not a page of contacts');
}

function contactsNotFound(): DroverError {
  return new DroverError('UPSTREAM_NOT_FOUND', 'systemeio contacts: there is nothing at this address', {
    remedy: 'Check SYSTEMEIO_API_URL: it is https://api.systeme.io, with or without /api.',
  });
}
