import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { AccountStore } from './world.ts';

export const OWN_ACCOUNT = 'acct_sandbox';

/** The worlds of all accounts and modes, made when first asked for. */
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
    const world = new AccountStore({ account, livemode, random: this.#random.fork(key), ...shared });
    this.#made.set(key, world);
    return world;
  }

  /** Whether the same account has such an object in its other mode. */
  existsInOtherMode(world: AccountStore, kind: string, id: string): boolean {
    return this.get(!world.livemode, world.account).get(kind, id) !== undefined;
  }
}
