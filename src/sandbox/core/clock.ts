/** The sandbox's time. It advances with real time and can be moved, so that tests of windows and expiries need not wait. */
export class Clock {
  #offset = 0;

  /** Milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.#offset;
  }

  advance(milliseconds: number): void {
    this.#offset += milliseconds;
  }

  /** Sets the current time to `at` (milliseconds since the epoch); time advances from there. */
  set(at: number): void {
    this.#offset = at - Date.now();
  }

  iso(): string {
    return new Date(this.now()).toISOString();
  }
}

/**
 * Admits at most `limit` requests in *every* window of `windowMs`, not only in windows that start on the minute.
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

  /** Admits the request and returns 0, or returns the milliseconds until one can be admitted. Rejected requests do not count. */
  tryAcquire(): number {
    const wait = this.waitMs();
    if (wait > 0) return wait;
    this.#admitted[this.#next] = this.#clock.now();
    this.#next = (this.#next + 1) % this.#admitted.length;
    return 0;
  }

  /** What `tryAcquire` would return, without admitting a request. */
  waitMs(): number {
    const oldest = this.#admitted[this.#next] ?? Number.NEGATIVE_INFINITY;
    return Math.max(0, oldest + this.#windowMs - this.#clock.now());
  }
}

/** A limit of requests in any sixty seconds; undefined for 0, which means no limit. */
export function perMinuteLimiter(ratePerMinute: number, clock: Clock): WindowLimiter | undefined {
  return ratePerMinute === 0 ? undefined : new WindowLimiter(ratePerMinute, 60_000, clock);
}
