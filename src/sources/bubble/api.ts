import { DroverError } from '../../errors.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { Upstream, UpstreamResponse } from '../../plan/upstream.ts';
import type { Constraint } from './constraint.ts';
import { exposedTypes } from './exposed-types.ts';

export interface ListQuery {
  readonly constraints: readonly Constraint[];
  readonly sort: readonly string[];
  readonly offset: number;
  readonly limit: number;
}

export interface ListAnswer {
  readonly rows: readonly JsonObject[];
  /** Rows after these, when Bubble says so. */
  readonly remaining: number | undefined;
  /** When Bubble answered, by its own clock, in milliseconds since 1970. */
  readonly answeredAt: number;
}

/** Bubble's Data API for one type. */
export interface BubbleApi {
  /** A page at an offset, ascending by the sort fields. */
  list(query: ListQuery, signal: AbortSignal): Promise<ListAnswer>;
  /** One thing, or undefined when it does not exist or is hidden. */
  get(id: string, signal: AbortSignal): Promise<JsonObject | undefined>;
}

export function createBubbleApi(upstream: Upstream, type: string): BubbleApi {
  const endpoint = `obj/${type}`;
  const path = `obj/${encodeURIComponent(type)}`;
  return {
    async list(query, signal) {
      const response = await upstream.request({ method: 'GET', path, endpoint, query: parameters(query), signal });
      if (response.status === 404) throw await unknownType(upstream, type, signal);
      return readList(response, endpoint);
    },
    async get(id, signal) {
      if (/^\.{0,2}$/.test(id)) return undefined; // would name another address, not a thing
      const address = `${path}/${encodeURIComponent(id)}`;
      const response = await upstream.request({ method: 'GET', path: address, endpoint, signal });
      if (response.status === 404) return undefined;
      const { response: thing } = objectOf(response.json(), endpoint);
      return objectOf(thing, endpoint);
    },
  };
}

function parameters({
  constraints,
  sort: [first, ...more],
  offset,
  limit,
}: ListQuery): Record<string, string | number> {
  return {
    cursor: offset,
    limit,
    ...(constraints.length > 0 && { constraints: JSON.stringify(constraints) }),
    ...(first !== undefined && { sort_field: first, descending: 'false' }),
    ...(more.length > 0 && {
      additional_sort_fields: JSON.stringify(more.map((field) => ({ sort_field: field, descending: false }))),
    }),
  };
}

function readList(response: UpstreamResponse, endpoint: string): ListAnswer {
  const { response: inner } = objectOf(response.json(), endpoint);
  const { results, remaining } = objectOf(inner, endpoint);
  if (!Array.isArray(results)) throw malformedAnswer(endpoint);
  const served = Date.parse(response.headers.date ?? '');
  return {
    rows: results.map((row) => objectOf(row, endpoint)),
    remaining: typeof remaining === 'number' ? Math.max(0, remaining) : undefined,
    answeredAt: Number.isNaN(served) ? Date.now() : served,
  };
}

function objectOf(value: unknown, endpoint: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformedAnswer(endpoint);
  return value as JsonObject;
}

function malformedAnswer(endpoint: string): DroverError {
  return new DroverError('UPSTREAM_BAD_ANSWER', `bubble ${endpoint}: the answer is not a page of the Data API`);
}

async function unknownType(upstream: Upstream, type: string, signal: AbortSignal): Promise<DroverError> {
  const types = await exposedTypes(upstream, signal);
  const remedy =
    types.length > 0
      ? `Tick the type under Settings, API, "Enable Data API", or name one of those exposed: ${types.join(', ')}.`
      : 'Check that the URL ends in /api/1.1 and that the app enables the Data API for this type.';
  return new DroverError('UPSTREAM_NOT_FOUND', `bubble: the app does not expose the type ${type}`, { remedy });
}
