import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import type { Page, Source, SourceRecord } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { Upstream, UpstreamOptions, UpstreamResponse } from '../../plan/upstream.ts';
import { answeredAt, idsCursor, parseCursor, readIdsPage } from '../paging.ts';

export interface SystemeioSourceOptions {
  readonly upstream: Upstream;
  /** Contacts of a page, 10 to 100. */
  readonly pageSize?: number | undefined;
}

const cursorSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('list'), after: z.string(), startedAt: z.iso.datetime() }),
  idsCursor,
]);

const idsPerPage = 20;

/** The upstream of a Systeme.io account. Its limit is undocumented, about 60 requests a minute. */
export function systemeioAccount(url: string, apiKey: string, maxRps = 1): UpstreamOptions {
  const baseUrl = url
    .trim()
    .replace(/\/+$/, '')
    .replace(/\/api$/, '');
  return { name: 'systemeio', baseUrl: `${baseUrl}/api`, headers: { 'x-api-key': apiKey.trim() }, maxRps };
}

/**
 * All contacts, in the order of ids in which the server returns them. Contacts have no time of change, and their tags matter
 * most, so every run reads them all: a window would miss contacts tagged since. The watermark is the start of the scan.
 */
export function createSystemeioSource({ upstream, pageSize = 100 }: SystemeioSourceOptions): Source {
  return {
    read(cursor, scope, signal) {
      const position = parseCursor(cursorSchema, cursor, 'Systeme.io');
      if (scope.ids) {
        // Ids are numbers; no contact has another one.
        const ids = scope.ids.filter((id) => /^\d+$/.test(id));
        return readIdsPage(ids, position, { maxIds: idsPerPage }, (chunk) => readByIds(upstream, chunk, signal));
      }
      return readPage(upstream, pageSize, position?.kind === 'list' ? position : undefined, signal);
    },
  };
}

async function readPage(
  upstream: Upstream,
  limit: number,
  position: { after: string; startedAt: string } | undefined,
  signal: AbortSignal,
): Promise<Page> {
  const query = { limit, order: 'asc', ...(position && { startingAfter: position.after }) };
  const response = await upstream.request({ method: 'GET', path: 'contacts', endpoint: 'contacts', query, signal });
  if (response.status === 404) throw contactsNotFound();
  const { rows, hasMore } = contactsIn(response);
  const last = rows.at(-1)?.id;
  if (hasMore && (last === undefined || String(last) === position?.after)) throw malformedAnswer();
  const startedAt = position?.startedAt ?? new Date(answeredAt(response)).toISOString();
  return {
    records: rows.map(recordOf),
    cursor: hasMore ? { kind: 'list', after: String(last), startedAt } : null,
    watermark: startedAt,
  };
}

async function readByIds(upstream: Upstream, ids: readonly string[], signal: AbortSignal): Promise<SourceRecord[]> {
  const records: SourceRecord[] = [];
  for (const id of ids) {
    const response = await upstream.request({ method: 'GET', path: `contacts/${id}`, endpoint: 'contacts', signal });
    if (response.status !== 404) records.push(recordOf(objectOf(response.json())));
  }
  return records;
}

function contactsIn(response: UpstreamResponse): { rows: readonly JsonObject[]; hasMore: boolean } {
  const { items, hasMore } = objectOf(response.json());
  if (!Array.isArray(items) || typeof hasMore !== 'boolean') throw malformedAnswer();
  return { rows: items.map(objectOf), hasMore };
}

function recordOf(raw: JsonObject): SourceRecord {
  const { id } = raw;
  return { sourceId: typeof id === 'number' || typeof id === 'string' ? String(id) : '', raw };
}

function objectOf(value: unknown): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformedAnswer();
  return value as JsonObject;
}

function malformedAnswer(): DroverError {
  return new DroverError('UPSTREAM_BAD_ANSWER', 'systemeio contacts: the answer is not a page of contacts');
}

function contactsNotFound(): DroverError {
  return new DroverError('UPSTREAM_NOT_FOUND', 'systemeio contacts: there is nothing at this address', {
    remedy: 'Check SYSTEMEIO_API_URL: it is https://api.systeme.io, with or without /api.',
  });
}
