import type { MutableData } from '../core/control.ts';
import { resourceOf } from './resources/index.ts';
import type { AccountStore } from './store/world.ts';

/** A mode's objects, open to tests: what is put here was there before, so it makes no event and meets no rule. */
export class StripeData implements MutableData {
  readonly #world: AccountStore;

  constructor(world: AccountStore) {
    this.#world = world;
  }

  counts(): Record<string, number> {
    return this.#world.counts();
  }

  get(kind: string, id: string): Record<string, unknown> | undefined {
    return this.#world.get(resourceOf(kind).object, id);
  }

  /** Every object of a kind, newest first. */
  all(kind: string): Record<string, unknown>[] {
    return [...this.#world.all(resourceOf(kind).object).newestFirst()];
  }

  insert(kind: string, fields: Readonly<Record<string, unknown>>): string {
    const resource = resourceOf(kind);
    const id = typeof fields.id === 'string' ? fields.id : this.#world.newId(resource.object);
    this.#world.put({ ...resource.blank(this.#world), ...fields, id, object: resource.object });
    return id;
  }

  modify(kind: string, id: string, changes: Readonly<Record<string, unknown>>): boolean {
    const object = this.#world.get(resourceOf(kind).object, id);
    if (object === undefined) return false;
    this.#world.put({ ...object, ...changes, id, object: object.object });
    return true;
  }

  delete(kind: string, id: string): boolean {
    return this.#world.delete(resourceOf(kind).object, id);
  }
}
