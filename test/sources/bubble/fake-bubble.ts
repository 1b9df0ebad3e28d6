import type { Json, JsonObject } from '../../../src/plan/json.ts';
import type { Upstream, UpstreamRequest, UpstreamResponse } from '../../../src/plan/upstream.ts';

export interface FakeRow {
  id: string;
  created: number;
  modified?: number;
}

export interface FakeBubble {
  rows: FakeRow[];
  wall: number;
  /** The largest page, whatever the limit of the request. */
  clamp: number;
  /** The order of rows with one creation time: by id, or as in `rows`. */
  ignoresSort?: boolean;
  ignoresIdSort?: boolean;
  ignoresConstraints?: boolean;
  hidesRemaining?: boolean;
  /** Called before every list request is answered. */
  beforeRequest?: (request: number) => void;
  types?: Json;
  requests: { path: string; query: Record<string, string> }[];
  upstream: Upstream;
}

/** Bubble's Data API in memory: offsets, the wall, clamped pages, constraints. */
export function fakeBubble(given: Partial<FakeBubble> & Pick<FakeBubble, 'rows'>): FakeBubble {
  const bubble: FakeBubble = {
    wall: 50_000,
    clamp: 100,
    requests: [],
    upstream: { request: async (request) => answer(bubble, request) },
    ...given,
  };
  return bubble;
}

export const isoOf = (ms: number): string => new Date(1_700_000_000_000 + ms).toISOString();

export function rawOf({ id, created, modified = created }: FakeRow): JsonObject {
  return { _id: id, 'Created Date': isoOf(created), 'Modified Date': isoOf(modified), name: `row ${id}` };
}

function answer(bubble: FakeBubble, { path, query = {} }: UpstreamRequest): UpstreamResponse {
  const given = Object.fromEntries(Object.entries(query).map(([key, value]) => [key, String(value)]));
  bubble.requests.push({ path, query: given });
  if (path === 'meta') return bubble.types === undefined ? respond(404, {}) : respond(200, bubble.types);
  const [, type, id] = path.split('/');
  if (type !== 'thing')
    return respond(404, { statusCode: 404, body: { status: 'NOT_FOUND', message: 'Type not found' } });
  if (id !== undefined) return one(bubble, decodeURIComponent(id));
  bubble.beforeRequest?.(bubble.requests.length);
  return list(bubble, given);
}

function one(bubble: FakeBubble, id: string): UpstreamResponse {
  const row = bubble.rows.find((each) => each.id === id);
  return row
    ? respond(200, { response: rawOf(row) })
    : respond(404, { statusCode: 404, body: { status: 'MISSING_DATA' } });
}

function list(bubble: FakeBubble, query: Record<string, string>): UpstreamResponse {
  const constraints = bubble.ignoresConstraints ? [] : (JSON.parse(query.constraints ?? '[]') as Constraint[]);
  const all = sorted(bubble)
    .map(rawOf)
    .filter((raw) => constraints.every((constraint) => matchesConstraint(raw, constraint)));
  const [cursor, limit] = [Number(query.cursor), Math.min(Number(query.limit), bubble.clamp)];
  const beyond = cursor + Math.min(Number(query.limit), 100) > bubble.wall;
  const results = beyond ? [] : all.slice(cursor, cursor + limit);
  const remaining = Math.max(0, all.length - cursor - results.length);
  const rest = bubble.hidesRemaining ? {} : { remaining };
  return respond(200, { response: { cursor, results, count: results.length, ...rest } });
}

interface Constraint {
  key: string;
  constraint_type: string;
  value: string | string[];
}

function matchesConstraint(raw: JsonObject, { key, constraint_type: type, value }: Constraint): boolean {
  const field = String(raw[key]);
  if (type === 'greater than') return field > String(value);
  if (type === 'less than') return field < String(value);
  return value.includes(field);
}

function sorted({ rows, ignoresSort, ignoresIdSort }: FakeBubble): FakeRow[] {
  if (ignoresSort) return [...rows];
  return [...rows].sort((a, b) => a.created - b.created || (ignoresIdSort ? 0 : a.id < b.id ? -1 : 1));
}

function respond(status: number, body: Json): UpstreamResponse {
  return { status, headers: {}, text: JSON.stringify(body), json: () => body };
}
