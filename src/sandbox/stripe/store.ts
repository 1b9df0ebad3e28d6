import type { Clock } from '../core/clock.ts';
import { BASE62, type Random } from '../core/random.ts';

export const OWN_ACCOUNT = 'acct_sandbox';

/** The stores of all accounts and modes, made when first asked for. */
export class AccountStores {
  readonly #made = new Map<string, AccountStore>();
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
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const shared = { clock: this.#clock, searchLagMs: this.#searchLagMs };
    const store = new AccountStore({ account, livemode, random: this.#random.fork(key), ...shared });
    this.#made.set(key, store);
    return store;
  }

  /** Whether the same account has such an object in its other mode. */
  existsInOtherMode(store: AccountStore, kind: string, id: string): boolean {
    return this.get(!store.livemode, store.account).get(kind, id) !== undefined;
  }
}

/** The objects of one kind in the order they were made, found by id at once. Removed ones leave a hole. */
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

interface Change {
  readonly at: number;
  readonly kind: string;
  readonly id: string;
  /** Absent: removed. */
  readonly object: StripeObject | undefined;
}

/** What search sees: the objects as they were a while ago. */
class SearchIndex {
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

export interface AccountStoreDeps {
  readonly account: string;
  readonly livemode: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly searchLagMs: () => number;
}

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

/** An object as the API shows it. Never changed in place: a change puts a new one, so that snapshots cost nothing. */
export interface StripeObject {
  readonly id: string;
  readonly object: string;
  readonly [field: string]: unknown;
}
