import { invalid } from '../failure.ts';

/** A parameter as sent: text, or parameters inside brackets. Lists are trees whose keys are numbers. */
export type Param = string | ParamTree;
export interface ParamTree {
  readonly [name: string]: Param;
}

type MutableTree = { [name: string]: string | MutableTree };

/** `metadata[legacy_id]=7&images[0]=https://...` as a tree. Throws StripeFailure on brackets that do not match. */
export function parseForm(pairs: Iterable<readonly [string, string]>): ParamTree {
  const root: MutableTree = Object.create(null);
  for (const [name, value] of pairs) {
    const path = parseParamName(name);
    let place = root;
    for (const step of path.slice(0, -1)) {
      const key = step === '' ? String(Object.keys(place).length) : step;
      const next = place[key];
      if (typeof next === 'object') place = next;
      else place = place[key] = Object.create(null) as MutableTree;
    }
    const last = path.at(-1) ?? '';
    place[last === '' ? String(Object.keys(place).length) : last] = value;
  }
  return root;
}

/** `a[b][]` as `['a', 'b', '']`. A metadata key may hold anything but brackets. */
function parseParamName(name: string): string[] {
  const match = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name);
  if (match === null) throw invalid(`Invalid request (malformed parameter name: ${name})`, { param: name });
  return [String(match[1]), ...[...String(match[2]).matchAll(/\[([^[\]]*)\]/g)].map((step) => String(step[1]))];
}

/** The items of a list, in the order of their numbers. */
export function itemsOf(tree: ParamTree): Param[] {
  return Object.keys(tree)
    .sort((a, b) => Number(a) - Number(b))
    .map((key) => tree[key] as Param);
}

/** The same text for the same parameters, whatever their order. */
export function canonical(param: Param): string {
  if (typeof param === 'string') return JSON.stringify(param);
  const entries = Object.keys(param).sort();
  return `{${entries.map((key) => `${JSON.stringify(key)}:${canonical(param[key] as Param)}`).join(',')}}`;
}
