import type { Clock } from '../../core/clock.ts';
import { Collection } from './collection.ts';
import type { StripeObject } from './object.ts';

interface Change {
  readonly at: number;
  readonly kind: string;
  readonly id: string;
  /** Absent: removed. */
  readonly object: StripeObject | undefined;
}

/** What search sees: the objects as they were a while ago. */
export class SearchIndex {
  readonly #clock: Clock;
  readonly #lagMs: () => number;
  readonly #seen = new Map<string, Collection>();
  #coming: Change[] = [];

  constructor(clock: Clock, lagMs: () => number) {
    this.#clock = clock;
    this.#lagMs = lagMs;
  }

  record(kind: string, id: string, object: StripeObject | undefined): void {
    this.#coming.push({ at: this.#clock.now(), kind, id, object });
  }

  /** Everything of a kind that has come through by now. */
  visible(kind: string): Collection {
    const until = this.#clock.now() - this.#lagMs();
    const due = this.#coming.findIndex(({ at }) => at > until);
    for (const change of this.#coming.splice(0, due === -1 ? this.#coming.length : due)) this.#apply(change);
    return this.#collection(kind);
  }

  #apply({ kind, id, object }: Change): void {
    if (object === undefined) this.#collection(kind).delete(id);
    else this.#collection(kind).put(object);
  }

  #collection(kind: string): Collection {
    const known = this.#seen.get(kind);
    if (known !== undefined) return known;
    const made = new Collection();
    this.#seen.set(kind, made);
    return made;
  }
}
