import type { SandboxRequest } from '../../core/upstream.ts';
import { invalid, missing, StripeFailure } from '../failure.ts';
import { itemsOf, type Param, type ParamTree, readShape, stringParam } from '../params.ts';
import { RESOURCES, resourceOf } from '../resources/index.ts';
import type { Context, Operation, Resource } from '../resources/resource.ts';
import type { AccountStore, AccountStores, StripeObject } from '../store.ts';
import { list, search } from './queries.ts';

/** The requested operation. */
export interface Route {
  readonly resource: Resource;
  /** `list`, `search`, `get`, `create`, `update`, `delete`, or the action's name. */
  readonly verb: string;
  readonly id: string | undefined;
  /** Undefined for reads. */
  readonly operation: Operation | undefined;
  /** The endpoint without ids, by which limits count: `POST /v1/products/:id`. */
  readonly endpoint: string;
}

/** The route of a request. Throws StripeFailure on an unknown URL. */
export function routeOf({ method, path }: Pick<SandboxRequest, 'method' | 'path'>): Route {
  const [version, name, id, action, rest] = path.split('/').slice(1).map(decodeSegment);
  const resource = RESOURCES.find(({ collection }) => collection === name);
  if (version !== 'v1' || resource === undefined || rest !== undefined || id === '') throw unknownUrl(method, path);
  const verb = verbOf(method, id, action, resource);
  const operation = verb === undefined ? undefined : operationOf(resource, verb);
  const isRead = verb === 'list' || verb === 'get' || (verb === 'search' && resource.searchable !== undefined);
  if (verb === undefined || (operation === undefined && !isRead)) throw unknownUrl(method, path);
  const suffix = [id === undefined ? '' : '/:id', action === undefined ? '' : `/${action}`].join('');
  const endpoint = `${method} /v1/${resource.collection}${verb === 'search' ? '/search' : suffix}`;
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

interface OperationDeps {
  readonly store: AccountStore;
  readonly stores: AccountStores;
  readonly emit: Context['emit'];
  /** The maximum number of objects in a page; a fault may reduce it. */
  readonly maxPageSize: number;
  /** Called after the parameters are validated, with the id of the object that will be written. */
  readonly beforeWrite: (id: string) => void;
}

/** Runs the operation of a route and returns the body of the answer. Throws StripeFailure. */
export function runOperation({ resource, verb, id, operation }: Route, params: ParamTree, deps: OperationDeps) {
  const { store } = deps;
  const { expand, ...tree } = params;
  const paths = parseExpansions(expand, resource, verb === 'list' || verb === 'search', store);
  const find: Context['find'] = (kind, wantedId, param) =>
    store.get(kind, wantedId) ?? throwMissing(kind, wantedId, param, deps);
  if (verb === 'list') return expandObject({ ...list(resource, tree, store, deps.maxPageSize) }, paths, store);
  if (verb === 'search') return expandObject(search(resource, tree, store), paths, store);
  const target: StripeObject = id === undefined ? NO_OBJECT : find(resource.object, id, 'id');
  if (operation === undefined) {
    readShape(tree, {});
    return expandObject(target, paths, store);
  }
  const values = readShape(tree, operation.shape);
  if (id !== undefined) deps.beforeWrite(id);
  return expandObject(operation.run(values, { store, find, emit: deps.emit }, target), paths, store);
}

const NO_OBJECT: StripeObject = { id: '', object: '' };

function throwMissing(kind: string, id: string, param: string, { store, stores }: OperationDeps): never {
  const { title } = resourceOf(kind);
  if (!stores.existsInOtherMode(store, kind, id)) throw missing(title, id, param);
  const [otherMode, ownMode] = store.livemode ? ['test', 'live'] : ['live', 'test'];
  const hint = `; a similar object exists in ${otherMode} mode, but a ${ownMode} mode key was used to make this request.`;
  throw missing(title, id, param, hint);
}

// Expansion of ids to whole objects.

type Tree = Readonly<Record<string, unknown>>;

/** The paths of the `expand` parameter, each as its field names. Throws StripeFailure on a field that cannot be expanded. */
function parseExpansions(
  expand: Param | undefined,
  resource: Resource,
  isList: boolean,
  store: AccountStore,
): string[][] {
  if (expand === undefined || expand === '') return [];
  const items = typeof expand === 'string' ? [expand] : itemsOf(expand);
  return items.map((item) => {
    const path = stringParam(item, 'expand');
    const steps = path.split('.');
    const first = isList && steps[0] === 'data' ? steps[1] : steps[0];
    const value = resource.blank(store)[first ?? ''];
    const isExpandable = resource.expands?.[first ?? ''] !== undefined || (typeof value === 'object' && value !== null);
    if (!isExpandable) throw invalid(`This property cannot be expanded (${path}).`, { param: 'expand' });
    return steps;
  });
}

/** The answer with the ids at the given paths replaced by whole objects. */
function expandObject(answer: Tree, paths: readonly string[][], store: AccountStore): Tree {
  return paths.reduce((tree, steps) => expandPath(tree, steps, store), answer);
}

function expandPath(tree: Tree, [step, ...rest]: readonly string[], store: AccountStore): Tree {
  if (step === undefined) return tree;
  const value = tree[step];
  if (Array.isArray(value))
    return { ...tree, [step]: value.map((item) => (isTree(item) ? expandPath(item, rest, store) : item)) };
  const kind = RESOURCES.find(({ object }) => object === tree.object)?.expands?.[step];
  const whole = kind !== undefined && typeof value === 'string' ? (store.get(kind, value) ?? value) : value;
  return { ...tree, [step]: isTree(whole) ? expandPath(whole, rest, store) : whole };
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null;
}
