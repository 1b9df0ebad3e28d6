import { invalid, missing } from '../failure.ts';
import { integer, type ParamTree, readShape, required, type Shape, stringParam } from '../params.ts';
import type { Resource } from '../resources/resource.ts';
import type { AccountStore, StripeObject } from '../store.ts';

type ObjectPredicate = (object: StripeObject) => boolean;

const PAGING = { limit: integer(1, 100), starting_after: stringParam, ending_before: stringParam } satisfies Shape;

interface ListPage {
  readonly object: 'list';
  readonly data: readonly StripeObject[];
  readonly has_more: boolean;
  readonly url: string;
}

/** `GET /<collection>`: newest first, at most `maxPageSize` objects. Throws StripeFailure. */
export function list(resource: Resource, tree: ParamTree, store: AccountStore, maxPageSize: number): ListPage {
  const readers = Object.fromEntries(Object.entries(resource.filters).map(([name, { reader }]) => [name, reader]));
  const { limit = 10, starting_after: after, ending_before: before } = readShape(pick(tree, PAGING), PAGING);
  const wanted = Object.entries(readShape(omit(tree, PAGING), readers));
  if (after !== undefined && before !== undefined) {
    throw invalid('You cannot parameterize both starting_after and ending_before.', { param: 'ending_before' });
  }
  const cursor = after ?? before;
  if (cursor !== undefined && store.get(resource.object, cursor) === undefined) {
    throw missing(resource.title, cursor, after === undefined ? 'ending_before' : 'starting_after');
  }
  const objects = store.all(resource.object);
  const from = before === undefined ? objects.newestFirst(after) : objects.oldestFirst(before);
  const matches = (object: StripeObject) =>
    wanted.every(([name, value]) => resource.filters[name]?.matches(object, value));
  const count = Math.min(limit, maxPageSize);
  const found = takeMatching(from, matches, count + 1);
  const has_more = found.length > count;
  const data = found.slice(0, count);
  const url = `/v1/${resource.collection}`;
  return { object: 'list', data: before === undefined ? data : data.reverse(), has_more, url };
}

function takeMatching(from: Iterable<StripeObject>, matches: ObjectPredicate, count: number): StripeObject[] {
  const taken: StripeObject[] = [];
  for (const object of from) {
    if (!matches(object)) continue;
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

// Search.

const SEARCH_SHAPE = { query: required(stringParam), limit: integer(1, 100), page: stringParam };

/** `GET /<collection>/search`: the matching objects of the delayed search index, newest first. Throws StripeFailure. */
export function search(resource: Resource, tree: ParamTree, store: AccountStore) {
  const { query, limit = 10, page } = readShape(tree, SEARCH_SHAPE);
  const matches = parseSearch(query, resource);
  const start = page === undefined ? 0 : decodePageToken(page);
  const found: StripeObject[] = [];
  for (const object of store.search.visible(resource.object).newestFirst()) if (matches(object)) found.push(object);
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

const CLAUSE =
  /\s*(?<negated>-)?(?<field>[a-z_]+)(?:\[(?<quote>["'])(?<key>(?:(?!\k<quote>).)*)\k<quote>\])?(?<operator>:|~|>=|<=|>|<)(?:(?<mark>["'])(?<text>(?:\\.|(?!\k<mark>).)*)\k<mark>|(?<bare>[\w.+-]+))\s*/y;
const CONJUNCTION = /(AND|OR)?/y;

/** `metadata['legacy_id']:'42' AND active:'true'`. AND and OR cannot be combined. Throws StripeFailure on an invalid query. */
function parseSearch(query: string, resource: Resource): ObjectPredicate {
  const tests: ObjectPredicate[] = [];
  const conjunctions = new Set<string>();
  let at = 0;
  while (at < query.length) {
    CLAUSE.lastIndex = at;
    const groups = CLAUSE.exec(query)?.groups;
    if (groups === undefined) throw invalidQuery(query);
    tests.push(parseClause(groups, resource));
    CONJUNCTION.lastIndex = at = CLAUSE.lastIndex;
    const conjunction = CONJUNCTION.exec(query)?.[1];
    if (conjunction !== undefined) conjunctions.add(conjunction);
    at += conjunction?.length ?? 0;
  }
  if (tests.length === 0 || conjunctions.size > 1) throw invalidQuery(query);
  return conjunctions.has('OR')
    ? (object) => tests.some((test) => test(object))
    : (object) => tests.every((test) => test(object));
}

function parseClause(groups: Record<string, string | undefined>, resource: Resource): ObjectPredicate {
  const { field = '', key, operator = ':', negated } = groups;
  const kind = field === 'metadata' ? 'token' : { created: 'number', ...resource.searchable }[field];
  if (kind === undefined || (field === 'metadata') !== (key !== undefined)) {
    throw invalid(`Field \`${field}\` is an unsupported search field for resource \`${resource.collection}\`.`, {
      param: 'query',
    });
  }
  const wanted = (groups.text ?? groups.bare ?? '').replace(/\\(.)/g, '$1');
  const test: ObjectPredicate = (object) => {
    const value = key === undefined ? object[field] : (object.metadata as Record<string, unknown> | undefined)?.[key];
    return compare(value, operator, wanted, kind);
  };
  return negated === undefined ? test : (object) => !test(object);
}

function compare(value: unknown, operator: string, wanted: string, kind: string): boolean {
  if (value === undefined || value === null) return wanted === 'null' && operator === ':';
  if (operator === '~') return String(value).toLowerCase().includes(wanted.toLowerCase());
  if (operator === '>') return Number(value) > Number(wanted);
  if (operator === '<') return Number(value) < Number(wanted);
  if (operator === '>=') return Number(value) >= Number(wanted);
  if (operator === '<=') return Number(value) <= Number(wanted);
  if (kind !== 'text') return String(value) === wanted;
  // Text fields are compared word by word: a search for some of the words finds the whole text.
  const words = ` ${String(value).toLowerCase().split(/\W+/).join(' ')} `;
  return words.includes(` ${wanted.toLowerCase().split(/\W+/).join(' ')} `);
}

function invalidQuery(query: string) {
  const message = `We were unable to parse your search query: ${query}. Try using the format \`metadata["key"]:"value"\`.`;
  return invalid(message, { param: 'query' });
}
