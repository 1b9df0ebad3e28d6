import type { Clock } from '../../core/clock.ts';
import type { Answer } from '../../core/upstream.ts';
import { invalid, StripeFailure } from '../failure.ts';

interface SavedAnswer {
  readonly path: string;
  readonly params: string;
  readonly keptAt: number;
  /** Until then the request is still being worked on. */
  readonly busyUntil: number;
  /** Absent when the answer is not of the kind that is kept. */
  readonly answer: Answer | undefined;
}

const MAX_LENGTH = 255;

/** Answers by idempotency key, of all accounts. */
export class IdempotencyStore {
  readonly #kept = new Map<string, SavedAnswer>();
  readonly #clock: Clock;
  readonly #ttlMs: () => number;

  constructor(clock: Clock, ttlMs: () => number) {
    this.#clock = clock;
    this.#ttlMs = ttlMs;
  }

  /**
   * The answer given under this key before, if any. Throws StripeFailure when the key was used for something else, or is
   * in use right now.
   */
  find(scope: string, key: string, path: string, params: string): Answer | undefined {
    if (key.length > MAX_LENGTH) {
      throw invalid(`Idempotency-Key can be at most ${MAX_LENGTH} characters, but you passed ${key.length}`);
    }
    const kept = this.#kept.get(`${scope} ${key}`);
    if (kept === undefined || this.#isForgotten(kept)) return undefined;
    if (kept.path !== path) throw mismatch(`for the same endpoint they were first used for ('${kept.path}')`, key);
    if (kept.params !== params) throw mismatch('with the same parameters they were first used with', key);
    if (kept.busyUntil > this.#clock.now()) throw inUse(key);
    return kept.answer;
  }

  save(scope: string, key: string, what: Pick<SavedAnswer, 'path' | 'params' | 'answer'>, busyMs: number): void {
    const now = this.#clock.now();
    this.#kept.set(`${scope} ${key}`, { ...what, keptAt: now, busyUntil: now + busyMs });
  }

  /** Forgets one key in every account, or all; tells how many. */
  forget(key?: string): number {
    const names = [...this.#kept.keys()].filter((name) => key === undefined || name.endsWith(` ${key}`));
    for (const name of names) this.#kept.delete(name);
    return names.length;
  }

  /** A request whose answer is not kept leaves its key free once it is over. */
  #isForgotten({ keptAt, busyUntil, answer }: SavedAnswer): boolean {
    const now = this.#clock.now();
    return now - keptAt >= this.#ttlMs() || (answer === undefined && busyUntil <= now);
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
