import type { Clock } from '../core/clock.ts';
import { type Answer, jsonAnswer } from '../core/message.ts';
import { WindowLimiter } from '../core/window-limiter.ts';

/** So many requests in any minute for each endpoint, told in three headers of every answer. */
export class EndpointLimits {
  readonly #perMinute: () => number;
  readonly #clock: Clock;
  readonly #limiters = new Map<string, WindowLimiter>();
  readonly #times = new Map<string, number[]>();

  constructor(perMinute: () => number, clock: Clock) {
    this.#perMinute = perMinute;
    this.#clock = clock;
  }

  /** The answer with its headers, or the 429 that takes its place. */
  admit(endpoint: string, answer: () => Answer): Answer {
    const limit = this.#perMinute();
    if (limit === 0) return answer();
    const key = `${endpoint} ${limit}`;
    const limiter = this.#limiters.get(key) ?? new WindowLimiter(limit, 60_000, this.#clock);
    this.#limiters.set(key, limiter);
    const wait = limiter.tryAcquire();
    if (wait > 0)
      return {
        ...errorAnswer(429, 'RATE_LIMIT_EXCEEDED', 'Rate limit exceeded'),
        headers: this.#headers(key, limit, wait),
      };
    this.#times.set(key, [...this.#recent(key), this.#clock.now()]);
    const given = answer();
    return { ...given, headers: { ...given.headers, ...this.#headers(key, limit, 0) } };
  }

  #recent(key: string): number[] {
    return (this.#times.get(key) ?? []).filter((time) => time > this.#clock.now() - 60_000);
  }

  #headers(key: string, limit: number, wait: number): Record<string, string> {
    const left = wait > 0 ? 0 : limit - this.#recent(key).length;
    const reset = wait > 0 ? wait / 1000 : 60;
    return {
      'content-type': 'application/json; charset=utf-8',
      'rate-limit-limit': String(limit),
      'rate-limit-remaining': String(left),
      'rate-limit-reset': reset.toFixed(3),
    };
  }
}

/** An error in Xendit's shape. */
export function errorAnswer(status: number, error_code: string, message: string): Answer {
  return jsonAnswer(status, { error_code, message });
}
