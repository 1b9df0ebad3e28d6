import { integer, type Reader, readShape, type Shape, stringParam, type Values } from '../params.ts';
import type { AccountStore, StripeObject } from '../store.ts';

/** What an endpoint works with, for one request. */
export interface Context {
  readonly store: AccountStore;
  /** Tells the world that something happened: an event, and a webhook where one is set up. */
  emit(type: string, object: StripeObject, previous?: Readonly<Record<string, unknown>>): void;
  /** The object a parameter names. Throws StripeFailure when there is none. */
  find(kind: string, id: string, param: string): StripeObject;
}

/** One thing that can be done: what it takes, and what it does. Everything it does happens at once or not at all. */
export interface Operation {
  readonly shape: Shape;
  /** `target` is the object the path names; an empty one where it names none. */
  run(values: Readonly<Record<string, unknown>>, context: Context, target: StripeObject): StripeObject;
}

export function operation<S extends Shape>(
  shape: S,
  run: (values: Values<S>, context: Context, target: StripeObject) => StripeObject,
): Operation {
  return { shape, run: (values, context, target) => run(values as Values<S>, context, target) };
}

/** Whether a list shows an object, given what the filter's parameter was read as. */
interface Filter {
  readonly reader: Shape[string];
  matches(object: StripeObject, wanted: unknown): boolean;
}

/** One kind of object, and what the API offers for it. What is absent is answered 404. */
export interface Resource {
  /** `product` */
  readonly object: string;
  /** `products` */
  readonly collection: string;
  /** What messages call it: `No such product: ...`. */
  readonly title: string;
  readonly create?: Operation;
  readonly update?: Operation;
  readonly remove?: Operation;
  /** `POST /<collection>/<id>/<action>` */
  readonly actions?: Readonly<Record<string, Operation>>;
  readonly filters: Readonly<Record<string, Filter>>;
  /** Fields that search understands, besides `metadata`. Absent: no search. */
  readonly searchable?: Readonly<Record<string, 'text' | 'token' | 'number'>>;
  /** Fields that may be expanded, and the kind they hold the id of. */
  readonly expands?: Readonly<Record<string, string>>;
  /** Fields as a mover would find them, for objects made through the control surface. */
  blank(store: AccountStore): Readonly<Record<string, unknown>>;
}

const RANGE = { gt: integer(), gte: integer(), lt: integer(), lte: integer() };

const timeRange: Reader<Readonly<Record<string, number>>> = (value, name) => {
  if (typeof value !== 'string') return readShape(value, RANGE, name) as Record<string, number>;
  const at = integer()(value, name);
  return { gte: at, lte: at };
};

/** A time in seconds: a number, or bounds. */
export function byTime(field: string): Filter {
  return {
    reader: timeRange,
    matches(object, wanted) {
      const at = Number(object[field]);
      const { gt, gte, lt, lte } = wanted as Partial<Record<'gt' | 'gte' | 'lt' | 'lte', number>>;
      if (gt !== undefined && at <= gt) return false;
      if (gte !== undefined && at < gte) return false;
      return (lt === undefined || at < lt) && (lte === undefined || at <= lte);
    },
  };
}

/** The field is exactly this. */
export function byValue(field: string, reader: Shape[string] = stringParam): Filter {
  return { reader, matches: (object, wanted) => object[field] === wanted };
}

/** The field is one of these. */
export function byOneOf(field: string, reader: Shape[string]): Filter {
  return { reader, matches: (object, wanted) => (wanted as unknown[]).includes(object[field]) };
}

/**
 * The object with the changes that change something, and the event that says what it was before. `stamps` go with any
 * change.
 */
export function applyChanges(
  target: StripeObject,
  changes: Readonly<Record<string, unknown>>,
  context: Context,
  stamps: Readonly<Record<string, unknown>> = {},
): StripeObject {
  const before: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(changes)) {
    if (value === undefined || JSON.stringify(value) === JSON.stringify(target[field])) continue;
    before[field] = target[field];
  }
  if (Object.keys(before).length === 0) return target;
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  const after = context.store.put({ ...target, ...given, ...stamps });
  const previous = { ...before, ...Object.fromEntries(Object.keys(stamps).map((field) => [field, target[field]])) };
  context.emit(`${target.object}.updated`, after, previous);
  return after;
}
