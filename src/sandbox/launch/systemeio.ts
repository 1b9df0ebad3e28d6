import { z } from 'zod';
import { Clock, perMinuteLimiter, type WindowLimiter } from '../core/clock.ts';
import type { FaultRule, RequestDescriptor } from '../core/faults.ts';
import { type RunningSandbox, startSandbox } from '../core/sandbox.ts';
import { type Answer, emptyAnswer, jsonAnswer, type SandboxRequest, type Upstream } from '../core/upstream.ts';
import { generateLaunch, type LaunchManifest, launchOptions } from './generate.ts';
import type { TagRow } from './rows.ts';
import { applyDataFaults, LaunchStore, type Row, selectPage } from './store.ts';

type SystemeioSettings = { latencyMs: number };

/** A running server that behaves like Systeme.io's API. */
export interface SystemeioSandbox extends Omit<RunningSandbox<SystemeioData, SystemeioSettings>, 'origin'> {
  /** The value for `SYSTEMEIO_API_URL`; the API is under `/api`. */
  readonly url: string;
  readonly apiKey: string;
  /** Describes the data as generated, without later changes. */
  readonly manifest: LaunchManifest;
}

/** Generates a business's contacts and serves them. Rejects on an invalid option, or when the port is taken. */
export async function startSystemeioSandbox(options: SystemeioSandboxOptions = {}): Promise<SystemeioSandbox> {
  const config = systemeioOptionsSchema.parse(options);
  const { contacts, tags, manifest } = generateLaunch(config);
  const clock = new Clock();
  const { latencyMs, ratePerMinute, apiKey, ignoreAscending } = config;
  const settings = { latencyMs };
  const data = new LaunchStore<SystemeioKind>({ contact: contacts, tag: tags }, (a, b) => Number(b.id) - Number(a.id));
  // Systeme.io's limit has its own headers, so the limiter is part of the upstream.
  const limiter = perMinuteLimiter(ratePerMinute, clock);
  const upstream = systemeioApi({ data, apiKey, ignoreAscending, limiter, ratePerMinute });
  const { origin, ...running } = await startSandbox(config, { upstream, clock, data, settings, manifest });
  return { url: origin, apiKey, manifest, ...running };
}

const systemeioOptionsSchema = z.strictObject({
  ...launchOptions,
  /** Requests in any sixty seconds; 0 for no limit. The limit of Systeme.io is about 60. */
  ratePerMinute: z.int().min(0).default(60),
  /** Whether `order=asc` is ignored, as reported of Systeme.io, so that the newest contact is always first. */
  ignoreAscending: z.boolean().default(true),
  apiKey: z.string().min(1).default('sandbox-systemeio-key'),
});

type SystemeioSandboxOptions = z.input<typeof systemeioOptionsSchema>;

// The API.

interface SystemeioApiDeps {
  readonly data: SystemeioData;
  readonly apiKey: string;
  readonly ignoreAscending: boolean;
  readonly limiter: WindowLimiter | undefined;
  readonly ratePerMinute: number;
}

const PREFIX = '/api/';

/** Systeme.io's API of contacts and tags. */
function systemeioApi(deps: SystemeioApiDeps): Upstream {
  return {
    name: 'systemeio',
    describeRequest,
    errorAnswer: (status, message) => jsonAnswer(status, { detail: message }),
    handle(request, faults) {
      const touched: string[] = [];
      if (request.headers['x-api-key'] !== deps.apiKey)
        return { answer: jsonAnswer(401, { detail: 'Invalid API key' }), touched };
      const wait = deps.limiter?.tryAcquire() ?? 0;
      const answer = wait > 0 ? tooManyRequests(wait) : route(request, faults, deps, touched);
      return { answer: { ...answer, headers: { ...answer.headers, ...limitHeaders(deps, wait) } }, touched };
    },
  };
}

function route(
  request: SandboxRequest,
  faults: readonly FaultRule[],
  deps: SystemeioApiDeps,
  touched: string[],
): Answer {
  const [resource, id, subresource, tagId] = pathSegments(request.path);
  const { method, query } = request;
  if (method === 'GET' && resource === 'tags' && id === undefined)
    return jsonAnswer(200, { items: deps.data.list('tag'), hasMore: false });
  if (resource !== 'contacts') return missing();
  if (id === undefined) {
    const { data, ignoreAscending } = deps;
    return method === 'GET' ? listContacts({ data, query, faults, touched, ignoreAscending }) : missing();
  }
  if (subresource === 'tags') return changeTags(request, deps.data, id, tagId);
  const contact = deps.data.get('contact', id);
  return method === 'GET' && contact !== undefined ? jsonAnswer(200, contact) : missing();
}

/** `POST /contacts/{id}/tags {tagId}` and `DELETE /contacts/{id}/tags/{tagId}`. */
function changeTags(request: SandboxRequest, data: SystemeioData, id: string, tagId: string | undefined): Answer {
  const contact = data.get('contact', id);
  if (contact === undefined) return missing();
  const tags = contact.tags as TagRow[];
  if (request.method === 'DELETE' && tagId !== undefined) {
    data.modify('contact', id, { tags: tags.filter((tag) => String(tag.id) !== tagId) });
    return emptyAnswer(204);
  }
  if (request.method !== 'POST') return missing();
  const { tagId: addedId } = JSON.parse(request.body.toString('utf8') || '{}') as { tagId?: number };
  const tag = data.get('tag', String(addedId));
  if (tag === undefined) return violation('tagId', 'There is no such tag.');
  if (!tags.some(({ id }) => id === tag.id)) data.modify('contact', id, { tags: [...tags, tag] });
  return emptyAnswer(204);
}

function missing(): Answer {
  return jsonAnswer(404, { detail: 'Not Found' });
}

function tooManyRequests(wait: number): Answer {
  return jsonAnswer(429, { detail: 'Too many requests' }, { 'retry-after': String(Math.ceil(wait / 1000)) });
}

function limitHeaders({ ratePerMinute }: SystemeioApiDeps, wait: number): Record<string, string> {
  if (ratePerMinute === 0) return {};
  return { 'x-ratelimit-limit': String(ratePerMinute), ...(wait > 0 ? { 'x-ratelimit-remaining': '0' } : {}) };
}

function describeRequest(request: SandboxRequest): RequestDescriptor {
  const [resource, id] = pathSegments(request.path);
  const operation = request.method === 'GET' ? (id === undefined ? 'list' : 'get') : 'change';
  return { method: request.method, operation, resource: resource?.replace(/s$/, '') ?? '' };
}

function pathSegments(path: string): (string | undefined)[] {
  return path.startsWith(PREFIX) ? path.slice(PREFIX.length).split('/').map(decodeURIComponent) : [];
}

// The list of contacts.

type SystemeioKind = 'contact' | 'tag';
type SystemeioData = LaunchStore<SystemeioKind>;

interface ListContacts {
  readonly data: SystemeioData;
  readonly query: URLSearchParams;
  readonly faults: readonly FaultRule[];
  readonly touched: string[];
  readonly ignoreAscending: boolean;
}

/** `GET /contacts`: in order of id, newest first; no total, and no modification time in the contacts. */
function listContacts({ data, query, faults, touched, ignoreAscending }: ListContacts): Answer {
  const limit = Number(query.get('limit') ?? 10);
  if (!Number.isInteger(limit) || limit < 10 || limit > 100)
    return violation('limit', 'This value should be between 10 and 100.');
  const after = query.get('startingAfter');
  const matchingRows = () => filterContacts(ordered(data, query, ignoreAscending), query);
  touched.push(...applyDataFaults({ rows: matchingRows(), after }, faults, dataFaultHandler(data)));
  const page = selectPage({ rows: matchingRows(), after, limit }, faults);
  if (page === undefined) return violation('startingAfter', 'There is no such contact.');
  return jsonAnswer(200, { items: page.rows, hasMore: page.hasMore });
}

/** A validation error in Systeme.io's format. */
function violation(propertyPath: string, message: string): Answer {
  return jsonAnswer(422, { detail: `${propertyPath}: ${message}`, violations: [{ propertyPath, message }] });
}

function ordered(data: SystemeioData, query: URLSearchParams, ignoreAscending: boolean): readonly Row[] {
  const rows = data.list('contact');
  return query.get('order') === 'asc' && !ignoreAscending ? rows.toReversed() : rows;
}

function filterContacts(rows: readonly Row[], query: URLSearchParams): readonly Row[] {
  const [email, tags] = [query.get('email')?.toLowerCase(), query.get('tags')?.split(',')];
  const [from, to] = [Date.parse(query.get('registeredAfter') ?? ''), Date.parse(query.get('registeredBefore') ?? '')];
  return rows.filter((row) => {
    const at = Date.parse(String(row.registeredAt));
    return (
      (email === undefined || String(row.email).toLowerCase() === email) &&
      (tags === undefined || (row.tags as TagRow[]).some(({ id }) => tags.includes(String(id)))) &&
      (Number.isNaN(from) || at > from) &&
      (Number.isNaN(to) || at < to)
    );
  });
}

function dataFaultHandler(data: SystemeioData) {
  return (fault: 'insert' | 'delete' | 'modify', row: Row): string => {
    if (fault === 'delete') data.delete('contact', String(row.id));
    // A contact has no modification time that could change.
    if (fault === 'modify') data.modify('contact', String(row.id), { locale: row.locale === 'en' ? 'fr' : 'en' });
    if (fault !== 'insert') return String(row.id);
    // Generated ids are three apart, so a copy with a free id next to the original is next to it in the list.
    const freeId = [1, 2]
      .map((step) => Number(row.id) + step)
      .find((id) => data.get('contact', String(id)) === undefined);
    return freeId === undefined
      ? String(row.id)
      : data.insert('contact', { ...row, id: freeId, email: `twin.${freeId}@example.com` });
  };
}
