import { invalid } from '../failure.ts';
import type { ParamTree } from '../params/form.ts';
import { integer, plain } from '../params/readers.ts';
import { needed, readShape } from '../params/shape.ts';
import type { Resource } from '../resources/resource.ts';
import type { StripeObject } from '../store/object.ts';
import type { World } from '../store/world.ts';
import { parseSearch } from './search-query.ts';

const SHAPE = { query: needed(plain), limit: integer(1, 100), page: plain };

/** `GET /<collection>/search`: what matched a while ago, newest first. */
export function search(resource: Resource, tree: ParamTree, world: World) {
  const { query, limit = 10, page } = readShape(tree, SHAPE);
  const matches = parseSearch(query, resource);
  const start = page === undefined ? 0 : startOf(page);
  const found: StripeObject[] = [];
  for (const object of world.search.of(resource.object).older()) if (matches(object)) found.push(object);
  const has_more = found.length > start + limit;
  return {
    object: 'search_result',
    data: found.slice(start, start + limit),
    has_more,
    next_page: has_more ? Buffer.from(`p${start + limit}`).toString('base64url') : null,
    url: `/v1/${resource.collection}/search`,
  };
}

function startOf(page: string): number {
  const start = Number(Buffer.from(page, 'base64url').toString().slice(1));
  if (!Number.isInteger(start)) throw invalid('Invalid page token', { param: 'page' });
  return start;
}
