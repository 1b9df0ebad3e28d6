import { setTimeout as timer } from 'node:timers/promises';

/** Time and chance, handed in so that tests can hold them still. */
export interface Clock {
  /** Milliseconds since 1970 that never jump: they run with the process, not with the machine's clock. */
  now(): number;
  /** Resolves after so many milliseconds; rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** From 0 up to but without 1. */
  random(): number;
}

export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  random: () => Math.random(),
  async sleep(ms, signal) {
    try {
      await timer(Math.max(0, ms), undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  },
};
