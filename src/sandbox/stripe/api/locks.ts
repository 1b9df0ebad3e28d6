import type { Clock } from '../../core/clock.ts';
import { lockTimeout } from './limits.ts';

/** Which objects are being written, and until when. */
export class ObjectLocks {
  readonly #busyUntil = new Map<string, number>();
  readonly #clock: Clock;
  readonly #waitMs: () => number;

  constructor(clock: Clock, waitMs: () => number) {
    this.#clock = clock;
    this.#waitMs = waitMs;
  }

  /** Takes the object for as long as the request lasts. Throws `lock_timeout` when another holds it for too long. */
  acquire(name: string, busyMs: number): void {
    const now = this.#clock.now();
    const left = (this.#busyUntil.get(name) ?? 0) - now;
    if (left > this.#waitMs()) throw lockTimeout();
    if (left <= 0) this.#busyUntil.delete(name);
    if (busyMs > 0) this.#busyUntil.set(name, Math.max(now, now + left) + busyMs);
  }
}
