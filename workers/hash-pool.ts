import { availableParallelism } from 'node:os';
import { Piscina } from 'piscina';
import type { EnrichPool } from '../src/engine/stages/transform.ts';

// What one hash takes of a core; only used to say when to come back.
const hashDurationMs = 300;

/**
 * bcrypt in threads, fewer than the cores: on the event loop twenty hashes at once stalled it for two seconds. A record
 * finds a place or is told when to come back, so hashing never fills the worker's slots.
 */
export function createHashPool(
  threads = Math.max(1, availableParallelism() - 1),
): EnrichPool & { close(): Promise<void> } {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const pool = new Piscina<string, string>({
    filename: new URL(`./hash-thread.${extension}`, import.meta.url).href,
    minThreads: 0,
    maxThreads: threads,
    idleTimeout: 10_000,
    // From the sources the thread needs the loader too, and not every parent (vitest) hands one down.
    ...(extension === 'ts' ? { execArgv: ['--import', 'tsx'] } : {}),
  });
  const places = threads * 2; // one being hashed and one waiting a thread: never idle, never a long queue
  let taken = 0;
  return {
    reserve() {
      // Spread over a few hashes' time, so that those turned away do not all come back at once.
      if (taken >= places) return Math.round(hashDurationMs * (1 + 4 * Math.random()));
      taken += 1;
      return undefined;
    },
    free() {
      taken -= 1;
    },
    hashPassword: (plain) => pool.run(plain),
    close: () => pool.close({ force: true }),
  };
}
