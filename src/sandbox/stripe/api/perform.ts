import { missing } from '../failure.ts';
import type { ParamTree } from '../params/form.ts';
import { readShape } from '../params/shape.ts';
import { resourceOf } from '../resources/index.ts';
import type { Context } from '../resources/resource.ts';
import type { StripeObject } from '../store/object.ts';
import type { World } from '../store/world.ts';
import type { Worlds } from '../store/worlds.ts';
import { expanded, expansions } from './expand.ts';
import { list } from './list.ts';
import type { Route } from './route.ts';
import { search } from './search.ts';

export interface Performance {
  readonly world: World;
  readonly worlds: Worlds;
  readonly emit: Context['emit'];
  /** The most objects a page may hold, when a fault says so. */
  readonly most: number;
  /** Called once parameters are found good, with the name of what is going to be written. */
  readonly beforeWrite: (name: string) => void;
}

/** Does what the route asks for and gives the body of the answer. Throws StripeFailure. */
export function perform({ resource, verb, id, operation }: Route, given: ParamTree, deps: Performance) {
  const { world } = deps;
  const { expand, ...tree } = given;
  const paths = expansions(expand, resource, verb === 'list' || verb === 'search', world);
  const find: Context['find'] = (kind, wanted, param) => world.get(kind, wanted) ?? nothing(kind, wanted, param, deps);
  if (verb === 'list') return expanded({ ...list(resource, tree, world, deps.most) }, paths, world);
  if (verb === 'search') return expanded(search(resource, tree, world), paths, world);
  const target: StripeObject = id === undefined ? NOTHING : find(resource.object, id, 'id');
  if (operation === undefined) {
    readShape(tree, {});
    return expanded(target, paths, world);
  }
  const values = readShape(tree, operation.shape);
  if (id !== undefined) deps.beforeWrite(id);
  return expanded(operation.run(values, { world, find, emit: deps.emit }, target), paths, world);
}

const NOTHING: StripeObject = { id: '', object: '' };

function nothing(kind: string, id: string, param: string, { world, worlds }: Performance): never {
  const { title } = resourceOf(kind);
  if (!worlds.elsewhere(world, kind, id)) throw missing(title, id, param);
  const [there, here] = world.livemode ? ['test', 'live'] : ['live', 'test'];
  const hint = `; a similar object exists in ${there} mode, but a ${here} mode key was used to make this request.`;
  throw missing(title, id, param, hint);
}
