import type { Clock } from '../core/clock.ts';
import { BASE62, type Random } from '../core/random.ts';

export const OWN_ACCOUNT = 'acct_sandbox';

/** The stores of all accounts and modes, created on first use. */
export class AccountStores {
  readonly #stores = new Map<string, AccountStore>();
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #searchLagMs: () => number;

  constructor(clock: Clock, random: Random, searchLagMs: () => number) {
    this.#clock = clock;
    this.#random = random;
    this.#searchLagMs = searchLagMs;
  }

  get(livemode: boolean, account = OWN_ACCOUNT): AccountStore {
    const key = `${account}/${livemode}`;
    const existing = this.#stores.get(key);
    if (existing !== undefined) return existing;
    const shared = { clock: this.#clock, searchLagMs: this.#searchLagMs };
    const store = new AccountStore({ account, livemode, random: this.#random.fork(key), ...shared });
    this.#stores.set(key, store);
    return store;
  }

  /** Whether the same account has the object in its other mode. */
  existsInOtherMode(store: AccountStore, kind: string, id: string): boolean {
    return this.get(!store.livemode, store.account).get(kind, id) !== undefined;
  }
}

/** The objects of one kind in order of creation, with an index by id. Deleted objects leave an empty slot. */
class Collection {
  readonly #order: (StripeObject | undefined)[] = [];
  readonly #places = new Map<string, number>();

  get size(): number {
    return this.#places.size;
  }

  get(id: string): StripeObject | undefined {
    const place = this.#places.get(id);
    return place === undefined ? undefined : this.#order[place];
  }

  /** Adds an object, or replaces the one with the same id at its position. */
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

  /** Newest first, starting behind `after`. */
  *newestFirst(after?: string): Generator<StripeObject> {
    const from = after === undefined ? this.#order.length : (this.#places.get(after) ?? 0);
    for (let i = from - 1; i >= 0; i--) {
      const object = this.#order[i];
      if (object !== undefined) yield object;
    }
  }

  /** Oldest first, starting behind `before`. */
  *oldestFirst(before: string): Generator<StripeObject> {
    for (let i = (this.#places.get(before) ?? this.#order.length) + 1; i < this.#order.length; i++) {
      const object = this.#order[i];
      if (object !== undefined) yield object;
    }
  }
}

interface Change {
  readonly at: number;
  readonly kind: string;
  readonly id: string;
  /** Undefined: deleted. */
  readonly object: StripeObject | undefined;
}

/** The objects as search finds them: every change appears after a delay. */
class SearchIndex {
  readonly #clock: Clock;
  readonly #lagMs: () => number;
  readonly #indexed = new Map<string, Collection>();
  readonly #pending: Change[] = [];

  constructor(clock: Clock, lagMs: () => number) {
    this.#clock = clock;
    this.#lagMs = lagMs;
  }

  record(kind: string, id: string, object: StripeObject | undefined): void {
    this.#pending.push({ at: this.#clock.now(), kind, id, object });
  }

  /** The objects of a kind, with all changes whose delay has passed. */
  visible(kind: string): Collection {
    const until = this.#clock.now() - this.#lagMs();
    const due = this.#pending.findIndex(({ at }) => at > until);
    for (const change of this.#pending.splice(0, due === -1 ? this.#pending.length : due)) this.#apply(change);
    return this.#collection(kind);
  }

  #apply({ kind, id, object }: Change): void {
    if (object === undefined) this.#collection(kind).delete(id);
    else this.#collection(kind).put(object);
  }

  #collection(kind: string): Collection {
    const existing = this.#indexed.get(kind);
    if (existing !== undefined) return existing;
    const collection = new Collection();
    this.#indexed.set(kind, collection);
    return collection;
  }
}

interface AccountStoreDeps {
  readonly account: string;
  readonly livemode: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly searchLagMs: () => number;
}

/** All objects of one account in one mode. Test and live data are separate. */
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
    const existing = this.#collections.get(kind);
    if (existing !== undefined) return existing;
    const collection = new Collection();
    this.#collections.set(kind, collection);
    return collection;
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

  /** A new id in Stripe's format. */
  newId(prefix: string): string {
    const isShort = prefix === 'prod' || prefix === 'cus';
    return isShort ? `${prefix}_${this.#random.text(14, BASE62)}` : `${prefix}_1${this.#random.text(23, BASE62)}`;
  }

  /** Seconds since the epoch. */
  now(): number {
    return Math.floor(this.#clock.now() / 1000);
  }
}

/** An object as in the API's answers. Never changed in place: a change stores a new object, so that snapshots need no copy. */
export interface StripeObject {
  readonly id: string;
  readonly object: string;
  readonly [field: string]: unknown;
}
