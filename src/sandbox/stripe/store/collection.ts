import type { StripeObject } from './object.ts';

/** The objects of one kind in the order they were made, found by id at once. Removed ones leave a hole. */
export class Collection {
  readonly #order: (StripeObject | undefined)[] = [];
  readonly #places = new Map<string, number>();

  get size(): number {
    return this.#places.size;
  }

  get(id: string): StripeObject | undefined {
    const place = this.#places.get(id);
    return place === undefined ? undefined : this.#order[place];
  }

  /** Adds an object, or puts it in the place of the one with the same id. */
  put(object: StripeObject): void {
    const place = this.#places.get(object.id);
    if (place !== undefined) this.#order[place] = object;
    else this.#places.set(object.id, this.#order.push(object) - 1);
  }

  delete(id: string): boolean {
    const place = this.#places.get(id);
    if (place === undefined) return false;
    this.#order[place] = undefined;
    return this.#places.delete(id);
  }

  /** Newest first, from behind `after` on. */
  *newestFirst(after?: string): Generator<StripeObject> {
    const from = after === undefined ? this.#order.length : (this.#places.get(after) ?? 0);
    for (let i = from - 1; i >= 0; i--) {
      const object = this.#order[i];
      if (object !== undefined) yield object;
    }
  }

  /** Oldest first, from behind `before` on. */
  *oldestFirst(before: string): Generator<StripeObject> {
    for (let i = (this.#places.get(before) ?? this.#order.length) + 1; i < this.#order.length; i++) {
      const object = this.#order[i];
      if (object !== undefined) yield object;
    }
  }
}
