import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { Collection } from './collection.ts';
import type { StripeObject } from './object.ts';
import { SearchIndex } from './search-index.ts';

export interface AccountStoreDeps {
  readonly account: string;
  readonly livemode: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly searchLagMs: () => number;
}

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Everything of one account in one mode. Test and live data never meet. */
export class AccountStore {
  readonly account: string;
  readonly livemode: boolean;
  readonly search: SearchIndex;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #collections = new Map<string, Collection>();

  constructor({ account, livemode, clock, random, searchLagMs }: AccountStoreDeps) {
    this.account = account;
    this.livemode = livemode;
    this.search = new SearchIndex(clock, searchLagMs);
    this.#clock = clock;
    this.#random = random;
  }

  /** The objects of a kind (`product`). */
  all(kind: string): Collection {
    const known = this.#collections.get(kind);
    if (known !== undefined) return known;
    const made = new Collection();
    this.#collections.set(kind, made);
    return made;
  }

  get(kind: string, id: string): StripeObject | undefined {
    return this.all(kind).get(id);
  }

  put<T extends StripeObject>(object: T): T {
    this.all(object.object).put(object);
    this.search.record(object.object, object.id, object);
    return object;
  }

  delete(kind: string, id: string): boolean {
    this.search.record(kind, id, undefined);
    return this.all(kind).delete(id);
  }

  counts(): Record<string, number> {
    return Object.fromEntries([...this.#collections].map(([kind, { size }]) => [kind, size]));
  }

  /** An id nobody has, as Stripe makes them. */
  newId(prefix: string): string {
    return `${prefix}_${prefix === 'prod' || prefix === 'cus' ? '' : '1'}${this.#random.text(prefix === 'prod' || prefix === 'cus' ? 14 : 23, BASE62)}`;
  }

  /** Seconds since the epoch. */
  now(): number {
    return Math.floor(this.#clock.now() / 1000);
  }
}
