import type { Clock } from './clock.ts';

/**
 * Lets at most `limit` requests through in *every* window of `windowMs`, not merely in windows that start on the minute.
 * A ring of the last `limit` admissions decides in constant time: the oldest of them must have left the window.
 */
export class WindowLimiter {
  readonly #admitted: Float64Array;
  readonly #windowMs: number;
  readonly #clock: Clock;
  #next = 0;

  constructor(limit: number, windowMs: number, clock: Clock) {
    this.#admitted = new Float64Array(limit).fill(Number.NEGATIVE_INFINITY);
    this.#windowMs = windowMs;
    this.#clock = clock;
  }

  /** 0 when the request may pass; otherwise the milliseconds until one may. Refused requests do not count. */
  tryAcquire(): number {
    const wait = this.waitMs();
    if (wait > 0) return wait;
    this.#admitted[this.#next] = this.#clock.now();
    this.#next = (this.#next + 1) % this.#admitted.length;
    return 0;
  }

  /** What `take` would answer, without taking. */
  waitMs(): number {
    const oldest = this.#admitted[this.#next] ?? Number.NEGATIVE_INFINITY;
    return Math.max(0, oldest + this.#windowMs - this.#clock.now());
  }
}
