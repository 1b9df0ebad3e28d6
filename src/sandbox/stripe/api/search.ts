import { invalid } from '../failure.ts';
import type { ParamTree } from '../params/form.ts';
import { integer, stringParam } from '../params/readers.ts';
import { readShape, required } from '../params/shape.ts';
import type { Resource } from '../resources/resource.ts';
import type { StripeObject } from '../store/object.ts';
import type { AccountStore } from '../store/world.ts';
import { parseSearch } from './search-query.ts';

const SHAPE = { query: required(stringParam), limit: integer(1, 100), page: stringParam };

/** `GET /<collection>/search`: what matched a while ago, newest first. */
export function search(resource: Resource, tree: ParamTree, world: AccountStore) {
  const { query, limit = 10, page } = readShape(tree, SHAPE);
  const matches = parseSearch(query, resource);
  const start = page === undefined ? 0 : decodePageToken(page);
  const found: StripeObject[] = [];
  for (const object of world.search.visible(resource.object).newestFirst()) if (matches(object)) found.push(object);
  const has_more = found.length > start + limit;
  return {
    object: 'search_result',
    data: found.slice(start, start + limit),
    has_more,
    next_page: has_more ? Buffer.from(`p${start + limit}`).toString('base64url') : null,
    url: `/v1/${resource.collection}/search`,
  };
}

function decodePageToken(page: string): number {
  const start = Number(Buffer.from(page, 'base64url').toString().slice(1));
  if (!Number.isInteger(start)) throw invalid('Invalid page token', { param: 'page' });
  return start;
}
