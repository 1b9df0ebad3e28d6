import { invalid } from '../failure.ts';
import { itemsOf, type Param } from '../params/form.ts';
import { stringParam } from '../params/readers.ts';
import { RESOURCES } from '../resources/index.ts';
import type { Resource } from '../resources/resource.ts';
import type { AccountStore } from '../store/world.ts';

type Tree = Readonly<Record<string, unknown>>;

/** The paths that `expand` names, each as its steps. Throws StripeFailure on one that leads nowhere, before anything is done. */
export function parseExpansions(
  expand: Param | undefined,
  resource: Resource,
  many: boolean,
  world: AccountStore,
): string[][] {
  if (expand === undefined || expand === '') return [];
  const items = typeof expand === 'string' ? [expand] : itemsOf(expand);
  return items.map((item) => {
    const path = stringParam(item, 'expand');
    const steps = path.split('.');
    const first = many && steps[0] === 'data' ? steps[1] : steps[0];
    const held = resource.blank(world)[first ?? ''];
    const known = resource.expands?.[first ?? ''] !== undefined || (typeof held === 'object' && held !== null);
    if (!known) throw invalid(`This property cannot be expanded (${path}).`, { param: 'expand' });
    return steps;
  });
}

/** The answer with whole objects in the place of the ids that the paths lead to. */
export function expandObject(answer: Tree, paths: readonly string[][], world: AccountStore): Tree {
  return paths.reduce((tree, steps) => expandPath(tree, steps, world), answer);
}

function expandPath(tree: Tree, [step, ...rest]: readonly string[], world: AccountStore): Tree {
  if (step === undefined) return tree;
  const held = tree[step];
  if (Array.isArray(held))
    return { ...tree, [step]: held.map((item) => (isTree(item) ? expandPath(item, rest, world) : item)) };
  const kind = RESOURCES.find(({ object }) => object === tree.object)?.expands?.[step];
  const whole = kind !== undefined && typeof held === 'string' ? (world.get(kind, held) ?? held) : held;
  return { ...tree, [step]: isTree(whole) ? expandPath(whole, rest, world) : whole };
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null;
}
