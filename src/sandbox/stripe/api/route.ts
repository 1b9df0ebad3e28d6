import type { SandboxRequest } from '../../core/message.ts';
import { StripeFailure } from '../failure.ts';
import { RESOURCES } from '../resources/index.ts';
import type { Operation, Resource } from '../resources/resource.ts';

/** What a request asks for. */
export interface Route {
  readonly resource: Resource;
  /** `list`, `search`, `get`, `create`, `update`, `delete`, or the action's name. */
  readonly verb: string;
  readonly id: string | undefined;
  /** Absent for what only reads. */
  readonly operation: Operation | undefined;
  /** Without ids, as limits count it: `POST /v1/products/:id`. */
  readonly endpoint: string;
}

/** Throws StripeFailure for an address that is none. */
export function routeOf({ method, path }: Pick<SandboxRequest, 'method' | 'path'>): Route {
  const [version, name, id, action, more] = path.split('/').slice(1).map(decodeSegment);
  const resource = RESOURCES.find(({ collection }) => collection === name);
  if (version !== 'v1' || resource === undefined || more !== undefined || id === '') throw unknownUrl(method, path);
  const verb = verbOf(method, id, action, resource);
  const operation = verb === undefined ? undefined : operationOf(resource, verb);
  const reads = verb === 'list' || verb === 'get' || (verb === 'search' && resource.searchable !== undefined);
  if (verb === undefined || (operation === undefined && !reads)) throw unknownUrl(method, path);
  const place = [id === undefined ? '' : '/:id', action === undefined ? '' : `/${action}`].join('');
  const endpoint = `${method} /v1/${resource.collection}${verb === 'search' ? '/search' : place}`;
  return { resource, verb, id: verb === 'search' ? undefined : id, operation, endpoint };
}

function verbOf(method: string, id?: string, action?: string, resource?: Resource): string | undefined {
  if (action !== undefined) return method === 'POST' && resource?.actions?.[action] ? action : undefined;
  if (method === 'GET') return id === undefined ? 'list' : id === 'search' ? 'search' : 'get';
  if (method === 'POST') return id === undefined ? 'create' : 'update';
  return method === 'DELETE' && id !== undefined ? 'delete' : undefined;
}

function operationOf(resource: Resource, verb: string): Operation | undefined {
  if (verb === 'create') return resource.create;
  if (verb === 'update') return resource.update;
  return verb === 'delete' ? resource.remove : resource.actions?.[verb];
}

function decodeSegment(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function unknownUrl(method: string, path: string): StripeFailure {
  const message = `Unrecognized request URL (${method}: ${path}). Please see https://stripe.com/docs or we can help at https://support.stripe.com/.`;
  return new StripeFailure(404, message);
}
