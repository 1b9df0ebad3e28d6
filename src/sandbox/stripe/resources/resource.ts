import type { Shape, Values } from '../params/shape.ts';
import type { StripeObject } from '../store/object.ts';
import type { AccountStore } from '../store/world.ts';

/** What an endpoint works with, for one request. */
export interface Context {
  readonly world: AccountStore;
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
export interface Filter {
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
  blank(world: AccountStore): Readonly<Record<string, unknown>>;
}
