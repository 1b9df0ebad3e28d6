import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { World } from './world.ts';

export const OWN_ACCOUNT = 'acct_sandbox';

/** The worlds of all accounts and modes, made when first asked for. */
export class Worlds {
  readonly #made = new Map<string, World>();
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #searchLagMs: () => number;

  constructor(clock: Clock, random: Random, searchLagMs: () => number) {
    this.#clock = clock;
    this.#random = random;
    this.#searchLagMs = searchLagMs;
  }

  of(livemode: boolean, account = OWN_ACCOUNT): World {
    const key = `${account}/${livemode}`;
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const shared = { clock: this.#clock, searchLagMs: this.#searchLagMs };
    const world = new World({ account, livemode, random: this.#random.fork(key), ...shared });
    this.#made.set(key, world);
    return world;
  }

  /** Whether the same account has such an object in its other mode. */
  elsewhere(world: World, kind: string, id: string): boolean {
    return this.of(!world.livemode, world.account).get(kind, id) !== undefined;
  }
}
