import { DroverError } from '../../errors.ts';
import type { Scope } from '../../plan/contract.ts';
import type { Json, JsonObject } from '../../plan/json.ts';
import type { Upstream, UpstreamResponse } from '../../plan/upstream.ts';
import { answeredAt } from '../paging.ts';
import type { BubbleSettings } from './settings.ts';

export interface ListQuery {
  readonly constraints: readonly Constraint[];
  readonly sort: readonly string[];
  readonly offset: number;
  readonly limit: number;
}

export interface ListAnswer {
  readonly rows: readonly JsonObject[];
  /** Number of rows after these, when Bubble returns it. */
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
      if (/^\.{0,2}$/.test(id)) return undefined; // such an id would change the path
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
  return {
    rows: results.map((row) => objectOf(row, endpoint)),
    remaining: typeof remaining === 'number' ? Math.max(0, remaining) : undefined,
    answeredAt: answeredAt(response),
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

/** A condition of Bubble's search; several are joined by AND. */
export interface Constraint {
  readonly key: string;
  readonly constraint_type: 'greater than' | 'less than' | 'in';
  readonly value: string | readonly string[];
}

/**
 * The scope's window as constraints on the time of change. Bubble has no `>=`, clocks differ, and a change can become
 * visible after a later one, so the window begins a minute early; reading a row twice changes nothing.
 */
export function windowConstraints(
  { since, until }: Scope,
  { modifiedKey: key, overlapMs }: Pick<BubbleSettings, 'modifiedKey' | 'overlapMs'>,
): Constraint[] {
  const from = since === undefined ? undefined : new Date(Date.parse(since) - overlapMs).toISOString();
  return [
    ...(from === undefined ? [] : [{ key, constraint_type: 'greater than' as const, value: from }]),
    ...(until === undefined ? [] : [{ key, constraint_type: 'less than' as const, value: until }]),
  ];
}

/**
 * The name under which the app exposes a type, of several it may have; the first matching candidate is used. Bubble's names
 * are lower case without spaces, but apps write `client_profile` and `Client Profiles` for the same type.
 * @throws DroverError UPSTREAM_NOT_FOUND listing the types the app exposes.
 */
export async function resolveBubbleType(
  upstream: Upstream,
  candidates: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const exposed = await exposedTypes(upstream, signal);
  const found = exposed.length > 0 ? matchType(candidates, exposed) : await probeTypes(upstream, candidates, signal);
  if (found !== undefined) return found;
  throw new DroverError('UPSTREAM_NOT_FOUND', `bubble: the app exposes none of the types ${candidates.join(', ')}`, {
    remedy:
      exposed.length > 0
        ? `Tick the type under Settings, API, "Enable Data API". Exposed now: ${exposed.join(', ')}.`
        : 'Check that the URL ends in /api/1.1 and that the app enables the Data API for this type.',
  });
}

/** The exposed type that matches a candidate: exactly, else except for case and spaces, else except for plural. */
export function matchType(candidates: readonly string[], exposed: readonly string[]): string | undefined {
  for (const same of [(name: string) => name, normalizedTypeName, singularTypeName]) {
    for (const candidate of candidates) {
      const found = exposed.find((name) => same(name) === same(candidate));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function normalizedTypeName(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

function singularTypeName(name: string): string {
  return normalizedTypeName(name)
    .replace(/ies$/, 'y')
    .replace(/([^s])s$/, '$1');
}

/** For an app that hides its description: requests each candidate type. */
async function probeTypes(
  upstream: Upstream,
  candidates: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const spellings = candidates.flatMap((name) => [name, normalizedTypeName(name), singularTypeName(name)]);
  for (const type of new Set(spellings)) {
    const path = `obj/${encodeURIComponent(type)}`;
    const { status } = await upstream.request({ method: 'GET', path, endpoint: 'obj', query: { limit: 1 }, signal });
    if (status !== 404) return type;
  }
  return undefined;
}

/** The types the app exposes, as /meta names them; none when the app hides its description. */
async function exposedTypes(upstream: Upstream, signal: AbortSignal): Promise<string[]> {
  const response = await upstream.request({ method: 'GET', path: 'meta', endpoint: 'meta', signal });
  return response.status === 404 ? [] : typesIn(response.json());
}

function typesIn(meta: Json): string[] {
  if (typeof meta !== 'object' || meta === null || Array.isArray(meta)) return [];
  const { get, types } = meta as { [key: string]: Json };
  const listed = Array.isArray(get) ? get : Object.keys((types ?? {}) as object);
  return listed.filter((name) => typeof name === 'string');
}
