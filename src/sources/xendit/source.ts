import { z } from 'zod';
import type { Page, Scope, Source, SourceRecord } from '../../plan/contract.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { Upstream } from '../../plan/upstream.ts';
import { idsCursor, parseCursor, readIdsPage, watermarkOf } from '../paging.ts';
import { createXenditApi, type XenditApi, type XenditList, type XenditQuery } from './api.ts';

export interface XenditSourceOptions {
  readonly upstream: Upstream;
  readonly list: XenditList;
  /** Records of a page. Default 50: larger pages are truncated, at an undocumented limit. */
  readonly pageSize?: number | undefined;
}

// Single records cost a request each; a page of them must not take minutes.
const idsPerPage = 20;

/**
 * Transactions or invoices of a Xendit account, by keyset pagination. Records created during the scan come at its end;
 * records that change behind the scan changed after its start, and the watermark is never later than that.
 */
export function createXenditSource({ upstream, list, pageSize = 50 }: XenditSourceOptions): Source {
  const api = createXenditApi(upstream, list, pageSize);
  return {
    read(cursor, scope, signal) {
      const position = parseCursor(cursorSchema, cursor, 'Xendit');
      if (scope.ids) {
        return readIdsPage(scope.ids, position, { maxIds: idsPerPage }, (ids) => readByIds(api, ids, signal));
      }
      return readList(api, list, position?.kind === 'list' ? position : undefined, scope, signal);
    },
  };
}

async function readList(
  api: XenditApi,
  list: XenditList,
  position: Extract<z.infer<typeof cursorSchema>, { kind: 'list' }> | undefined,
  scope: Scope,
  signal: AbortSignal,
): Promise<Page> {
  const passes = queriesFor(list, scope);
  const pass = position?.pass ?? 0;
  const { rows, next, answeredAt } = await api.page(passes[pass] ?? {}, position?.after ?? null, signal);
  const startedAt = position?.startedAt ?? new Date(answeredAt).toISOString();
  const nextCursor =
    next !== undefined
      ? { kind: 'list' as const, pass, after: next, startedAt }
      : pass + 1 < passes.length
        ? { kind: 'list' as const, pass: pass + 1, after: null, startedAt }
        : null;
  return { records: rows.map(recordOf), cursor: nextCursor, watermark: watermarkOf(rows.map(changedAt), startedAt) };
}

async function readByIds(api: XenditApi, ids: readonly string[], signal: AbortSignal): Promise<SourceRecord[]> {
  const records: SourceRecord[] = [];
  for (const id of ids) {
    const row = await api.get(id, signal);
    if (row) records.push(recordOf(row));
  }
  return records;
}

function recordOf(raw: JsonObject): SourceRecord {
  return { sourceId: typeof raw.id === 'string' ? raw.id : '', raw };
}

function changedAt({ updated }: JsonObject): number {
  return Date.parse(String(updated));
}

const minute = 60_000;
// A change can become visible after a later one. Invoices cannot be queried by time of change, so their overlap is longer.
const overlapMs: Readonly<Record<XenditList, number>> = { transactions: 15 * minute, invoices: 24 * 60 * minute };

/**
 * The queries that together return the records of a scope. Transactions have a time of change; invoices can only be queried
 * by when they were created, paid or expired, and they have no other transitions. A record that several queries return is
 * stored once.
 */
function queriesFor(list: XenditList, { since, until }: Scope): readonly XenditQuery[] {
  const from = since === undefined ? undefined : new Date(Date.parse(since) - overlapMs[list]).toISOString();
  if (list === 'transactions') {
    return [{ ...(from && { 'updated[gte]': from }), ...(until && { 'updated[lte]': until }) }];
  }
  if (from === undefined) return [until === undefined ? {} : { created_before: until }];
  return ['created', 'paid', 'expired'].map((event) => ({
    [`${event}_after`]: from,
    ...(until && { [`${event}_before`]: until }),
  }));
}

const cursorSchema = z.discriminatedUnion('kind', [
  /** `pass`: the index of the query; `after`: the id read last; `startedAt`: the start of the scan. */
  z.object({
    kind: z.literal('list'),
    pass: z.int().min(0),
    after: z.string().nullable(),
    startedAt: z.iso.datetime(),
  }),
  idsCursor,
]);
