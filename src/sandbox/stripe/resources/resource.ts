import { integer, type Reader, readShape, type Shape, stringParam, type Values } from '../params.ts';
import type { AccountStore, StripeObject } from '../store.ts';

/** The context of one request. */
export interface Context {
  readonly store: AccountStore;
  /** Stores an event, and sends it to the webhook endpoints if there are any. */
  emit(type: string, object: StripeObject, previous?: Readonly<Record<string, unknown>>): void;
  /** The object that a parameter refers to. Throws StripeFailure when it does not exist. */
  find(kind: string, id: string, param: string): StripeObject;
}

/** A write operation: its parameters and its work. An error usually means that nothing has changed; a declined card is recorded nevertheless. */
export interface Operation {
  readonly shape: Shape;
  /** `target` is the object of the path; one with an empty id when the path has none. */
  run(values: Readonly<Record<string, unknown>>, context: Context, target: StripeObject): StripeObject;
}

export function operation<S extends Shape>(
  shape: S,
  run: (values: Values<S>, context: Context, target: StripeObject) => StripeObject,
): Operation {
  return { shape, run: (values, context, target) => run(values as Values<S>, context, target) };
}

/** A filter of a list: parses its parameter and tests objects against the parsed value. */
interface Filter {
  readonly reader: Shape[string];
  matches(object: StripeObject, wanted: unknown): boolean;
}

/** One kind of object and the operations of the API on it. Absent operations are answered 404. */
export interface Resource {
  /** `product` */
  readonly object: string;
  /** `products` */
  readonly collection: string;
  /** Its name in messages: `No such product: ...`. */
  readonly title: string;
  readonly create?: Operation;
  readonly update?: Operation;
  readonly remove?: Operation;
  /** `POST /<collection>/<id>/<action>` */
  readonly actions?: Readonly<Record<string, Operation>>;
  readonly filters: Readonly<Record<string, Filter>>;
  /** The fields that search supports, besides `created` and `metadata`. Absent: no search. */
  readonly searchable?: Readonly<Record<string, 'text' | 'token' | 'number'>>;
  /** The fields that may be expanded, and the kind of object whose id they hold. */
  readonly expands?: Readonly<Record<string, string>>;
  /** The default fields, for new objects and for those inserted through the control surface. */
  blank(store: AccountStore): Readonly<Record<string, unknown>>;
}

const RANGE = { gt: integer(), gte: integer(), lt: integer(), lte: integer() };

const timeRange: Reader<Readonly<Record<string, number>>> = (value, name) => {
  if (typeof value !== 'string') return readShape(value, RANGE, name) as Record<string, number>;
  const at = integer()(value, name);
  return { gte: at, lte: at };
};

/** Filters by a time in seconds: an exact value or bounds. */
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

/** Filters by an exact value. */
export function byValue(field: string, reader: Shape[string] = stringParam): Filter {
  return { reader, matches: (object, wanted) => object[field] === wanted };
}

/** Filters by a list of values. */
export function byOneOf(field: string, reader: Shape[string]): Filter {
  return { reader, matches: (object, wanted) => (wanted as unknown[]).includes(object[field]) };
}

/**
 * Stores the object with the changes and emits `<object>.updated` with the previous values. Does nothing when every value
 * is already as requested. `stamps` are fields that are set with any change.
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
