import { DroverError } from '../../errors.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { Upstream, UpstreamResponse } from '../../plan/upstream.ts';
import { mapRestError } from './refusal.ts';

export type RestQuery = Readonly<Record<string, string | number | undefined>>;

export interface RestRows {
  readonly rows: readonly JsonObject[];
  /** When the project answered, by its own clock, in milliseconds since 1970. */
  readonly answeredAt: number;
}

/** Supabase's REST interface for one table. */
export interface RestTable {
  rows(query: RestQuery, signal: AbortSignal): Promise<RestRows>;
  /** How many rows a query has, or undefined when the project does not say. */
  count(query: RestQuery, signal: AbortSignal): Promise<number | undefined>;
}

export function createRestTable(upstream: Upstream, table: string): RestTable {
  const path = encodeURIComponent(table);
  const label = `supabase ${table}`;
  const get = async (query: RestQuery, signal: AbortSignal, headers: Readonly<Record<string, string>>) => {
    const response = await upstream.request({
      method: 'GET',
      path,
      endpoint: table,
      query,
      headers,
      signal,
      explain: (status, text) => mapRestError(label, status, text),
    });
    if (response.status === 404) throw mapRestError(label, 404, response.text) ?? tableNotFound(label);
    return response;
  };
  return {
    async rows(query, signal) {
      const response = await get(query, signal, {});
      const served = Date.parse(response.headers.date ?? '');
      return { rows: rowsIn(response, label), answeredAt: Number.isNaN(served) ? Date.now() : served };
    },
    async count(query, signal) {
      const response = await get({ ...query, limit: 0 }, signal, { prefer: 'count=exact' });
      const total = /\/(\d+)$/.exec(response.headers['content-range'] ?? '')?.[1];
      return total === undefined ? undefined : Number(total);
    },
  };
}

function rowsIn(response: UpstreamResponse, label: string): JsonObject[] {
  const body = response.json();
  const isRow = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  if (Array.isArray(body) && body.every(isRow)) return body as JsonObject[];
  throw new DroverError('UPSTREAM_BAD_ANSWER', `${label}: the answer is not a list of rows`);
}

function tableNotFound(label: string): DroverError {
  return new DroverError('UPSTREAM_NOT_FOUND', `${label}: there is nothing at this address`, {
    remedy: 'Check that SUPABASE_URL is the project’s address and that the table is in an exposed schema.',
  });
}
