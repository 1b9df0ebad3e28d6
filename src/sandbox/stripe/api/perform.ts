import { missing } from '../failure.ts';
import type { ParamTree } from '../params/form.ts';
import { readShape } from '../params/shape.ts';
import { resourceOf } from '../resources/index.ts';
import type { Context } from '../resources/resource.ts';
import type { StripeObject } from '../store/object.ts';
import type { AccountStore } from '../store/world.ts';
import type { AccountStores } from '../store/worlds.ts';
import { expandObject, parseExpansions } from './expand.ts';
import { list } from './list.ts';
import type { Route } from './route.ts';
import { search } from './search.ts';

export interface OperationDeps {
  readonly world: AccountStore;
  readonly worlds: AccountStores;
  readonly emit: Context['emit'];
  /** The most objects a page may hold, when a fault says so. */
  readonly most: number;
  /** Called once parameters are found good, with the name of what is going to be written. */
  readonly beforeWrite: (name: string) => void;
}

/** Does what the route asks for and gives the body of the answer. Throws StripeFailure. */
export function runOperation({ resource, verb, id, operation }: Route, given: ParamTree, deps: OperationDeps) {
  const { world } = deps;
  const { expand, ...tree } = given;
  const paths = parseExpansions(expand, resource, verb === 'list' || verb === 'search', world);
  const find: Context['find'] = (kind, wanted, param) =>
    world.get(kind, wanted) ?? throwMissing(kind, wanted, param, deps);
  if (verb === 'list') return expandObject({ ...list(resource, tree, world, deps.most) }, paths, world);
  if (verb === 'search') return expandObject(search(resource, tree, world), paths, world);
  const target: StripeObject = id === undefined ? NO_OBJECT : find(resource.object, id, 'id');
  if (operation === undefined) {
    readShape(tree, {});
    return expandObject(target, paths, world);
  }
  const values = readShape(tree, operation.shape);
  if (id !== undefined) deps.beforeWrite(id);
  return expandObject(operation.run(values, { world, find, emit: deps.emit }, target), paths, world);
}

const NO_OBJECT: StripeObject = { id: '', object: '' };

function throwMissing(kind: string, id: string, param: string, { world, worlds }: OperationDeps): never {
  const { title } = resourceOf(kind);
  if (!worlds.existsInOtherMode(world, kind, id)) throw missing(title, id, param);
  const [there, here] = world.livemode ? ['test', 'live'] : ['live', 'test'];
  const hint = `; a similar object exists in ${there} mode, but a ${here} mode key was used to make this request.`;
  throw missing(title, id, param, hint);
}
