import type { FaultRule, RequestDescriptor } from '../../core/faults.ts';
import type { Random } from '../../core/random.ts';
import {
  type Answer,
  jsonAnswer,
  type SandboxRequest,
  type Upstream,
  type UpstreamResult,
} from '../../core/upstream.ts';
import { BUBBLE_TYPES, type BubbleType, CUSTOM_FIELDS, isBubbleType } from '../schema.ts';
import type { BubbleData } from '../store.ts';
import { type ApiContext, errorAnswer, unauthorized, unknownType } from './context.ts';
import { list } from './list.ts';
import { changeOne, createMany, createOne, deleteOne, getOne } from './things.ts';

export const API_PATH = '/api/1.1';

interface BubbleApiDeps {
  readonly data: BubbleData;
  readonly random: Random;
  /** An admin's token: privacy rules do not apply to it. */
  readonly apiKey: string;
  /** A user's token: may read what the privacy rules leave. */
  readonly userKey: string;
  readonly settings: Readonly<BubbleSettings>;
}

/** Bubble's Data API. Every request needs one of the two tokens. */
export function bubbleApi(deps: BubbleApiDeps): Upstream {
  return {
    name: 'bubble',
    describeRequest,
    errorAnswer: (status, message) => errorAnswer(status, status === 429 ? 'RATE_LIMITED' : 'ERROR', message),
    handle: (request, faults) => handle(request, faults, deps),
  };
}

function handle(request: SandboxRequest, faults: readonly FaultRule[], deps: BubbleApiDeps): UpstreamResult {
  const touched: string[] = [];
  const hiddenShare = hiddenShareForToken(request, deps);
  if (hiddenShare === undefined) return { answer: unauthorized(), touched };
  const context = {
    data: deps.data,
    random: deps.random,
    wall: deps.settings.wall,
    hiddenShare,
    faults,
    touched,
  };
  return { answer: route(request, context), touched };
}

function route(request: SandboxRequest, context: ApiContext): Answer {
  const { area, type, id } = parsePath(request.path);
  if (area === 'meta' && request.method === 'GET') return meta();
  if (area !== 'obj' || type === undefined) return errorAnswer(404, 'NOT_FOUND', `No endpoint ${request.path}`);
  if (!isBubbleType(type)) return unknownType(type);
  return id === undefined ? handleCollection(type, request, context) : handleThing(type, id, request, context);
}

function handleCollection(type: BubbleType, request: SandboxRequest, context: ApiContext): Answer {
  if (request.method === 'GET') return list(type, request.query, context);
  if (request.method === 'POST') return createOne(type, request.body, context);
  return errorAnswer(405, 'ERROR', `Method ${request.method} is not allowed here`);
}

function handleThing(type: BubbleType, id: string, request: SandboxRequest, context: ApiContext): Answer {
  const { method, body, headers } = request;
  if (method === 'GET') return getOne(type, id, context);
  if (method === 'POST' && id === 'bulk') return createMany(type, body, headers['content-type'], context);
  if (method === 'PATCH' || method === 'PUT') return changeOne(type, id, method, body, context);
  if (method === 'DELETE') return deleteOne(type, id, context);
  return errorAnswer(405, 'ERROR', `Method ${method} is not allowed here`);
}

/** The share of things hidden from the request's token; undefined for an unknown token. */
function hiddenShareForToken(request: SandboxRequest, deps: BubbleApiDeps): number | undefined {
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (token === deps.apiKey) return 0;
  return token === deps.userKey ? deps.settings.hiddenShare : undefined;
}

function describeRequest(request: SandboxRequest): RequestDescriptor {
  const { area, type, id } = parsePath(request.path);
  const names: Record<string, string> = {
    GET: 'get',
    POST: 'create',
    PATCH: 'change',
    PUT: 'change',
    DELETE: 'delete',
  };
  let operation = area === 'obj' ? (names[request.method] ?? 'other') : (area ?? 'other');
  if (operation === 'get' && id === undefined) operation = 'list';
  if (operation === 'create' && id === 'bulk') operation = 'bulk';
  return { method: request.method, operation, resource: type ?? '' };
}

function parsePath(path: string): { area: string | undefined; type: string | undefined; id: string | undefined } {
  if (!path.startsWith(`${API_PATH}/`)) return { area: undefined, type: undefined, id: undefined };
  const [area, type, id] = path.slice(API_PATH.length + 1).split('/');
  return { area, type, id: id === undefined ? undefined : decodeURIComponent(id) };
}

/** The settings that may change while the sandbox runs. */
export type BubbleSettings = {
  /** The maximum offset: a page that would pass it is empty. */
  wall: number;
  /** The share of things that privacy rules hide from the user token, chosen by id; the admin token may read all. */
  hiddenShare: number;
  /** The minimum time until an answer is sent. */
  latencyMs: number;
};

/** `GET /meta`: the exposed types. */
function meta(): Answer {
  const types = Object.fromEntries(
    BUBBLE_TYPES.map((type) => [
      type,
      { fields: Object.entries(CUSTOM_FIELDS[type]).map(([display, kind]) => ({ display, type: kind })) },
    ]),
  );
  return jsonAnswer(200, { get: BUBBLE_TYPES, post: [], types, app_data: { appname: 'culturebridge-phase1' } });
}
