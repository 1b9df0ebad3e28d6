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
