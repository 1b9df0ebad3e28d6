import { invalid } from '../failure.ts';
import type { Param, ParamTree } from './form.ts';

/** Reads one parameter, or throws StripeFailure. `name` is the whole one, brackets included. */
export type Reader<T> = (value: Param, name: string) => T;
export type RequiredReader<T> = Reader<T> & { readonly needed: true };

export type Shape = Readonly<Record<string, Reader<unknown>>>;

/** What reading a shape gives. */
export type Values<S extends Shape> = {
  readonly [K in keyof S as S[K] extends RequiredReader<unknown> ? K : never]: ReturnType<S[K]>;
} & {
  readonly [K in keyof S as S[K] extends RequiredReader<unknown> ? never : K]?: ReturnType<S[K]> | undefined;
};

/** A parameter that must be there. */
export function required<T>(reader: Reader<T>): RequiredReader<T> {
  return Object.assign((value: Param, name: string) => reader(value, name), { needed: true as const });
}

/** Reads parameters; those the shape does not know are refused, as Stripe does. */
export function readShape<S extends Shape>(tree: ParamTree, shape: S, within = ''): Values<S> {
  const full = (name: string) => (within === '' ? name : `${within}[${name}]`);
  const strangers = Object.keys(tree).filter((name) => !Object.hasOwn(shape, name));
  if (strangers.length > 0) throw unknown(strangers.map(full));
  const values: Record<string, unknown> = {};
  for (const [name, reader] of Object.entries(shape)) {
    const given = tree[name];
    if (given !== undefined) values[name] = reader(given, full(name));
    else if ('needed' in reader) {
      throw invalid(`Missing required param: ${full(name)}.`, { code: 'parameter_missing', param: full(name) });
    }
  }
  return values as Values<S>;
}

function unknown(names: readonly string[]) {
  const message = `Received unknown parameter${names.length > 1 ? 's' : ''}: ${names.join(', ')}`;
  return invalid(message, { code: 'parameter_unknown', param: String(names[0]) });
}
