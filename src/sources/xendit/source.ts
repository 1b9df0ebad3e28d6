import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import type { Page, Scope, Source } from '../../plan/contract.ts';
import type { Json, JsonObject } from '../../plan/json.ts';
import type { Upstream } from '../../plan/upstream.ts';
import { createXenditApi, type XenditApi, type XenditList, type XenditQuery } from './api.ts';

export interface XenditSourceOptions {
  readonly upstream: Upstream;
  readonly list: XenditList;
  /** Records asked for at once. Default 50: more is cut, at an undocumented limit. */
  readonly pageSize?: number | undefined;
}

// Single records cost a request each; a page of them must not take minutes.
const idsPerPage = 20;

/**
 * Transactions or invoices of a Xendit account, by keyset. What is made while it is read comes at the end; what changes
 * behind the reader's back is changed after the scan began, and the watermark is never later than that.
 */
export function createXenditSource({ upstream, list, pageSize = 50 }: XenditSourceOptions): Source {
  const api = createXenditApi(upstream, list, pageSize);
  return {
    read(cursor, scope, signal) {
      const place = cursor === null ? undefined : parseCursor(cursor);
      if (scope.ids) return readIds(api, scope.ids, place?.kind === 'ids' ? place.next : 0, signal);
      return readList(api, list, place?.kind === 'list' ? place : undefined, scope, signal);
    },
  };
}

async function readList(
  api: XenditApi,
  list: XenditList,
  place: Extract<XenditCursor, { kind: 'list' }> | undefined,
  scope: Scope,
  signal: AbortSignal,
): Promise<Page> {
  const passes = queriesFor(list, scope);
  const pass = place?.pass ?? 0;
  const { rows, next, answeredAt } = await api.page(passes[pass] ?? {}, place?.after ?? null, signal);
  const startedAt = place?.startedAt ?? new Date(answeredAt).toISOString();
  const onward =
    next !== undefined
      ? { kind: 'list' as const, pass, after: next, startedAt }
      : pass + 1 < passes.length
        ? { kind: 'list' as const, pass: pass + 1, after: null, startedAt }
        : null;
  return { records: rows.map(recordOf), cursor: onward, watermark: newestChange(rows, startedAt) };
}

async function readIds(api: XenditApi, wanted: readonly string[], at: number, signal: AbortSignal): Promise<Page> {
  const ids = [...new Set(wanted)].filter((id) => id !== '');
  const rows: JsonObject[] = [];
  for (const id of ids.slice(at, at + idsPerPage)) {
    const row = await api.get(id, signal);
    if (row) rows.push(row);
  }
  const next = at + idsPerPage;
  return { records: rows.map(recordOf), cursor: next < ids.length ? { kind: 'ids', next } : null };
}

function recordOf(raw: JsonObject) {
  return { sourceId: typeof raw.id === 'string' ? raw.id : '', raw };
}

function newestChange(rows: readonly JsonObject[], startedAt: string): string | undefined {
  const changes = rows.map(({ updated }) => Date.parse(String(updated))).filter((time) => !Number.isNaN(time));
  if (changes.length === 0) return undefined;
  return new Date(Math.min(Math.max(...changes), Date.parse(startedAt))).toISOString();
}

const minute = 60_000;
// A change can become visible after a later one. Invoices have no time of change to ask for, so theirs is longer.
const overlapMs: Readonly<Record<XenditList, number>> = { transactions: 15 * minute, invoices: 24 * 60 * minute };

/**
 * The lists that together hold what a scope asks for. Transactions have a time of change; of invoices one can only ask
 * which were made, paid, or ran out since, and all that can happen to them is one of the three. What several lists give
 * is one record.
 */
function queriesFor(list: XenditList, { since, until }: Scope): readonly XenditQuery[] {
  const from = since === undefined ? undefined : new Date(Date.parse(since) - overlapMs[list]).toISOString();
  if (list === 'transactions') {
    return [{ ...(from && { 'updated[gte]': from }), ...(until && { 'updated[lte]': until }) }];
  }
  if (from === undefined) return [until === undefined ? {} : { created_before: until }];
  return ['created', 'paid', 'expired'].map((what) => ({
    [`${what}_after`]: from,
    ...(until && { [`${what}_before`]: until }),
  }));
}

const cursorSchema = z.discriminatedUnion('kind', [
  /** `pass`: which of several lists is being read; `after`: the id read last; `startedAt`: when reading began. */
  z.object({
    kind: z.literal('list'),
    pass: z.int().min(0),
    after: z.string().nullable(),
    startedAt: z.iso.datetime(),
  }),
  z.object({ kind: z.literal('ids'), next: z.int().min(0) }),
]);

type XenditCursor = z.infer<typeof cursorSchema>;

/** @throws DroverError CONFIGURATION for a cursor of another source. */
function parseCursor(cursor: Json): XenditCursor {
  const parsed = cursorSchema.safeParse(cursor);
  if (parsed.success) return parsed.data;
  throw new DroverError('CONFIGURATION', 'the stored cursor is not one of the Xendit source', {
    remedy: 'Start a new run: this one was begun with another kind of source.',
    cause: parsed.error,
  });
}
