import type { RequestDescriptor } from '../core/fault-plan.ts';
import type { FaultRule } from '../core/fault-rule.ts';
import { type Answer, emptyAnswer, jsonAnswer, type SandboxRequest } from '../core/message.ts';
import type { Upstream } from '../core/upstream.ts';
import type { WindowLimiter } from '../core/window-limiter.ts';
import type { TagRow } from '../launch/contact-rows.ts';
import { listContacts, type SystemeioData, violation } from './contacts.ts';

export interface SystemeioApiDeps {
  readonly data: SystemeioData;
  readonly apiKey: string;
  readonly ignoreAscending: boolean;
  readonly limiter: WindowLimiter | undefined;
  readonly ratePerMinute: number;
}

const PREFIX = '/api/';

/** Systeme.io's contacts and tags. */
export function systemeioApi(deps: SystemeioApiDeps): Upstream {
  return {
    name: 'systemeio',
    describeRequest: describeRequest,
    errorAnswer: (status, message) => jsonAnswer(status, { detail: message }),
    handle(request, faults) {
      const touched: string[] = [];
      if (request.headers['x-api-key'] !== deps.apiKey)
        return { answer: jsonAnswer(401, { detail: 'Invalid API key' }), touched };
      const wait = deps.limiter?.tryAcquire() ?? 0;
      const answer = wait > 0 ? tooMany(wait) : route(request, faults, deps, touched);
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
  const [resource, id, sub, subId] = pathSegments(request.path);
  const { method, query } = request;
  if (method === 'GET' && resource === 'tags' && id === undefined)
    return jsonAnswer(200, { items: deps.data.list('tag'), hasMore: false });
  if (resource !== 'contacts') return missing();
  if (id === undefined) {
    const { data, ignoreAscending } = deps;
    return method === 'GET' ? listContacts({ data, query, faults, touched, ignoreAscending }) : missing();
  }
  if (sub === 'tags') return changeTags(request, deps.data, id, subId);
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
  const { tagId: wanted } = JSON.parse(request.body.toString('utf8') || '{}') as { tagId?: number };
  const tag = data.get('tag', String(wanted));
  if (tag === undefined) return violation('tagId', 'There is no such tag.');
  if (!tags.some((one) => one.id === tag.id)) data.modify('contact', id, { tags: [...tags, tag] });
  return emptyAnswer(204);
}

function missing(): Answer {
  return jsonAnswer(404, { detail: 'Not Found' });
}

function tooMany(wait: number): Answer {
  return { ...jsonAnswer(429, { detail: 'Too many requests' }, { 'retry-after': String(Math.ceil(wait / 1000)) }) };
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
