import { DroverError } from '../../errors.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { Upstream, UpstreamResponse } from '../../plan/upstream.ts';
import { answeredAt } from '../paging.ts';

export type RestQuery = Readonly<Record<string, string | number | undefined>>;

export interface RestRows {
  readonly rows: readonly JsonObject[];
  /** When the project answered, by its own clock, in milliseconds since 1970. */
  readonly answeredAt: number;
}

/** Supabase's REST interface for one table. */
export interface RestTable {
  rows(query: RestQuery, signal: AbortSignal): Promise<RestRows>;
  /** The number of rows of a query, or undefined when the project does not return it. */
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
      return { rows: rowsIn(response, label), answeredAt: answeredAt(response) };
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

/**
 * Maps an error of PostgREST by its `code`: by the status alone a permanent error would be retried (21000 has status 500)
 * and a temporary one would not. Undefined when the body contains no code, so that the status decides.
 */
export function mapRestError(label: string, status: number, text: string): DroverError | undefined {
  const { code, message } = parseErrorBody(text);
  const kind = code === undefined ? undefined : errorCodeOf(code);
  if (kind === undefined) return undefined;
  // PostgREST's `details` quote values; its message names columns and constraints, or one value at most.
  return new DroverError(kind, `${label}: ${status} ${code} ${message.slice(0, 200)}`);
}

// The longest matching prefix decides. SQLSTATE classes: https://www.postgresql.org/docs/current/errcodes-appendix.html
const errorCodes: Readonly<Record<string, string>> = {
  '08': 'UPSTREAM_ERROR',
  '21': 'TARGET_CONSTRAINT',
  '22': 'UPSTREAM_REFUSED',
  '23': 'TARGET_CONSTRAINT',
  '28': 'UPSTREAM_UNAUTHORIZED',
  '40': 'UPSTREAM_ERROR',
  '42': 'UPSTREAM_REFUSED',
  '42501': 'UPSTREAM_UNAUTHORIZED',
  '42703': 'UPSTREAM_NOT_FOUND',
  '42P01': 'UPSTREAM_NOT_FOUND',
  '53': 'UPSTREAM_ERROR',
  '54': 'UPSTREAM_REFUSED',
  '55': 'UPSTREAM_ERROR',
  '57': 'UPSTREAM_ERROR',
  '57014': 'UPSTREAM_TIMEOUT',
  '58': 'UPSTREAM_ERROR',
  P0: 'UPSTREAM_REFUSED',
  PGRST0: 'UPSTREAM_ERROR',
  PGRST003: 'UPSTREAM_TIMEOUT',
  PGRST1: 'UPSTREAM_REFUSED',
  PGRST2: 'UPSTREAM_NOT_FOUND',
  PGRST3: 'UPSTREAM_UNAUTHORIZED',
};

function errorCodeOf(code: string): string | undefined {
  const prefixes = Array.from({ length: code.length }, (_, i) => code.slice(0, code.length - i));
  const known = prefixes.find((prefix) => Object.hasOwn(errorCodes, prefix));
  return known === undefined ? undefined : errorCodes[known];
}

function parseErrorBody(text: string): { code: string | undefined; message: string } {
  try {
    const { code, message } = JSON.parse(text) as Record<string, unknown>;
    return { code: typeof code === 'string' ? code : undefined, message: String(message ?? '') };
  } catch {
    return { code: undefined, message: '' };
  }
}

/** The roles of Supabase's own keys; other roles come from tokens that a project issues itself. */
export type KeyRole = 'service_role' | 'anon' | (string & {});

/** The role of a key, or undefined when the key does not contain it. */
export function roleOfKey(key: string | undefined): KeyRole | undefined {
  const given = key?.trim() ?? '';
  if (given.startsWith('sb_secret_')) return 'service_role';
  if (given.startsWith('sb_publishable_')) return 'anon';
  try {
    const claims: unknown = JSON.parse(Buffer.from(given.split('.')[1] ?? '', 'base64url').toString());
    const role = (claims as { role?: unknown } | null)?.role;
    return typeof role === 'string' ? role : undefined;
  } catch {
    return undefined;
  }
}

/** The headers of a key. Newer keys (`sb_...`) are not tokens, so they are sent in `apikey` only. */
export function keyHeaders(key: string): Record<string, string> {
  const apikey = key.trim();
  return apikey.startsWith('sb_') ? { apikey } : { apikey, authorization: `Bearer ${apikey}` };
}

/** The URL of the REST interface, from the project's URL (`https://ref.supabase.co`) or its own. */
export function restUrl(projectUrl: string): string {
  const plain = projectUrl.trim().replace(/\/+$/, '');
  return plain.endsWith('/rest/v1') ? plain : `${plain}/rest/v1`;
}
