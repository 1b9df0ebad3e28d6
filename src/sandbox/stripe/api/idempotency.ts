import type { Clock } from '../../core/clock.ts';
import type { Answer } from '../../core/upstream.ts';
import { invalid, StripeFailure } from '../failure.ts';

interface SavedAnswer {
  readonly path: string;
  readonly params: string;
  readonly savedAt: number;
  /** The time until which the request is in progress. */
  readonly busyUntil: number;
  /** Undefined when the answer is not stored: its key is free again when the request has ended. */
  readonly answer: Answer | undefined;
}

const MAX_LENGTH = 255;

/** The answers by idempotency key, of all accounts. */
export class IdempotencyStore {
  readonly #saved = new Map<string, SavedAnswer>();
  readonly #clock: Clock;
  readonly #ttlMs: () => number;

  constructor(clock: Clock, ttlMs: () => number) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
  }

  /**
   * The stored answer of this key, if any. Throws StripeFailure when the key was used for another endpoint or other
   * parameters, or when a request with it is in progress.
   */
  find(scope: string, key: string, path: string, params: string): Answer | undefined {
    if (key.length > MAX_LENGTH) {
      throw invalid(`Idempotency-Key can be at most ${MAX_LENGTH} characters, but you passed ${key.length}`);
    }
    const saved = this.#saved.get(`${scope} ${key}`);
    if (saved === undefined || this.#isExpired(saved)) return undefined;
    if (saved.path !== path) throw mismatch(`for the same endpoint they were first used for ('${saved.path}')`, key);
    if (saved.params !== params) throw mismatch('with the same parameters they were first used with', key);
    if (saved.busyUntil > this.#clock.now()) throw inUse(key);
    return saved.answer;
  }

  save(scope: string, key: string, entry: Pick<SavedAnswer, 'path' | 'params' | 'answer'>, busyMs: number): void {
    const now = this.#clock.now();
    this.#saved.set(`${scope} ${key}`, { ...entry, savedAt: now, busyUntil: now + busyMs });
  }

  /** Removes one key in every account, or all keys; returns how many were removed. */
  forget(key?: string): number {
    const names = [...this.#saved.keys()].filter((name) => key === undefined || name.endsWith(` ${key}`));
    for (const name of names) this.#saved.delete(name);
    return names.length;
  }

  #isExpired({ savedAt, busyUntil, answer }: SavedAnswer): boolean {
    const now = this.#clock.now();
    return now - savedAt >= this.#ttlMs() || (answer === undefined && busyUntil <= now);
  }
}

function mismatch(how: string, key: string): StripeFailure {
  const message =
    `Keys for idempotent requests can only be used ${how}. Try using a key other than '${key}' if you meant to ` +
    'execute a different request.';
  return new StripeFailure(400, message, { type: 'idempotency_error' });
}

function inUse(key: string): StripeFailure {
  const message =
    'There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, ' +
    `and the other request is still going through): ${key}. Please try again later.`;
  const headers = { 'stripe-should-retry': 'true' };
  return new StripeFailure(409, message, { code: 'idempotency_key_in_use' }, { headers });
}
