import { invalid } from '../failure.ts';
import type { Resource } from '../resources/resource.ts';
import type { StripeObject } from '../store/object.ts';

export type ObjectPredicate = (object: StripeObject) => boolean;

const CLAUSE =
  /\s*(?<negated>-)?(?<field>[a-z_]+)(?:\[(?<quote>["'])(?<key>(?:(?!\k<quote>).)*)\k<quote>\])?(?<operator>:|~|>=|<=|>|<)(?:(?<mark>["'])(?<text>(?:\\.|(?!\k<mark>).)*)\k<mark>|(?<bare>[\w.+-]+))\s*/y;
const CONJUNCTION = /(AND|OR)?/y;

/** `metadata['legacy_id']:'42' AND active:'true'`. AND and OR do not mix. Throws StripeFailure on what it cannot read. */
export function parseSearch(query: string, resource: Resource): ObjectPredicate {
  const tests: ObjectPredicate[] = [];
  const joints = new Set<string>();
  let at = 0;
  while (at < query.length) {
    CLAUSE.lastIndex = at;
    const groups = CLAUSE.exec(query)?.groups;
    if (groups === undefined) throw badQuery(query);
    tests.push(parseClause(groups, resource));
    CONJUNCTION.lastIndex = at = CLAUSE.lastIndex;
    const joint = CONJUNCTION.exec(query)?.[1];
    if (joint !== undefined) joints.add(joint);
    at += joint?.length ?? 0;
  }
  if (tests.length === 0 || joints.size > 1) throw badQuery(query);
  return joints.has('OR')
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
  // Text fields are cut into words: a search for one of them finds the whole.
  const words = ` ${String(value).toLowerCase().split(/\W+/).join(' ')} `;
  return words.includes(` ${wanted.toLowerCase().split(/\W+/).join(' ')} `);
}

function badQuery(query: string) {
  const message = `We were unable to parse your search query: ${query}. Try using the format \`metadata["key"]:"value"\`.`;
  return invalid(message, { param: 'query' });
}
