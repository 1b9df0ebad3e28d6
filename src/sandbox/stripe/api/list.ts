import { invalid, missing } from '../failure.ts';
import type { ParamTree } from '../params/form.ts';
import { integer, stringParam } from '../params/readers.ts';
import { readShape, type Shape } from '../params/shape.ts';
import type { Resource } from '../resources/resource.ts';
import type { StripeObject } from '../store/object.ts';
import type { AccountStore } from '../store/world.ts';

const PAGING = { limit: integer(1, 100), starting_after: stringParam, ending_before: stringParam } satisfies Shape;

export interface ListPage {
  readonly object: 'list';
  readonly data: readonly StripeObject[];
  readonly has_more: boolean;
  readonly url: string;
}

/** `GET /<collection>`: newest first. */
export function list(resource: Resource, tree: ParamTree, world: AccountStore, most: number): ListPage {
  const readers = Object.fromEntries(Object.entries(resource.filters).map(([name, { reader }]) => [name, reader]));
  const { limit = 10, starting_after: after, ending_before: before } = readShape(pick(tree, PAGING), PAGING);
  const wanted = Object.entries(readShape(omit(tree, PAGING), readers));
  if (after !== undefined && before !== undefined) {
    throw invalid('You cannot parameterize both starting_after and ending_before.', { param: 'ending_before' });
  }
  const cursor = after ?? before;
  if (cursor !== undefined && world.get(resource.object, cursor) === undefined) {
    throw missing(resource.title, cursor, after === undefined ? 'ending_before' : 'starting_after');
  }
  const objects = world.all(resource.object);
  const from = before === undefined ? objects.newestFirst(after) : objects.oldestFirst(before);
  const keeps = (object: StripeObject) =>
    wanted.every(([name, value]) => resource.filters[name]?.matches(object, value));
  const found = takeMatching(from, keeps, Math.min(limit, most) + 1);
  const has_more = found.length > Math.min(limit, most);
  const data = found.slice(0, Math.min(limit, most));
  const url = `/v1/${resource.collection}`;
  return { object: 'list', data: before === undefined ? data : data.reverse(), has_more, url };
}

function takeMatching(
  from: Iterable<StripeObject>,
  keeps: (object: StripeObject) => boolean,
  count: number,
): StripeObject[] {
  const taken: StripeObject[] = [];
  for (const object of from) {
    if (!keeps(object)) continue;
    taken.push(object);
    if (taken.length === count) break;
  }
  return taken;
}

function pick(tree: ParamTree, shape: Shape): ParamTree {
  return Object.fromEntries(Object.entries(tree).filter(([name]) => Object.hasOwn(shape, name)));
}

function omit(tree: ParamTree, shape: Shape): ParamTree {
  return Object.fromEntries(Object.entries(tree).filter(([name]) => !Object.hasOwn(shape, name)));
}
