/** The sandbox's idea of now. It runs with real time and can be pushed, so that windows and expiries need no waiting. */
export class Clock {
  #offset = 0;

  /** Milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.#offset;
  }

  advance(milliseconds: number): void {
    this.#offset += milliseconds;
  }

  /** Makes it `at` now; time runs on from there. */
  set(at: number): void {
    this.#offset = at - Date.now();
  }

  iso(): string {
    return new Date(this.now()).toISOString();
  }
}

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
