import { setTimeout as sleep } from 'node:timers/promises';

interface PendingKey<T> {
  readonly key: string;
  readonly resolve: (value: T | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export interface BatchLoaderOptions {
  /** Keys of one request at the most. */
  readonly most: number;
  /** Milliseconds between the ends of two requests that are not full. Default 0: the next follows at once. */
  readonly pauseMs?: number;
  /** How old the value of an announced key may be, in milliseconds, when it is asked for. Default 0. */
  readonly maxAgeMs?: number;
}

/** Asks for single things in sets. */
export interface BatchLoader<T> {
  /** The thing of a key, or undefined. `fresh`: from a request that begins after this call. */
  get(key: string, options?: { readonly fresh?: boolean }): Promise<T | undefined>;
  /** Keys that will be asked for soon: they fill requests that have room, and cost none of their own. */
  announce(keys: readonly string[]): void;
}

// Announced keys that were never asked for, of records that went to another worker, must not accumulate.
const maxRemembered = 2_000;

/**
 * What is asked for while a request is under way waits, and goes together in the next. The first of a while goes at once, so
 * one that comes alone is not slowed, and a busy worker needs fewer requests of its limit.
 * @param load gives what there is of at most `most` distinct keys, by key
 */
export function createBatchLoader<T>(
  load: (keys: readonly string[]) => Promise<ReadonlyMap<string, T>>,
  { most, pauseMs = 0, maxAgeMs = 0 }: BatchLoaderOptions,
): BatchLoader<T> {
  const queue: PendingKey<T>[] = [];
  const announced = new Set<string>();
  const early = new Map<string, { readonly value: T | undefined; readonly at: number }>();
  let busy = false;

  async function next(): Promise<void> {
    busy = true;
    // After this turn of the loop, so that calls that start together are grouped.
    await Promise.resolve();
    const batch = queue.splice(0, most);
    const asked = [...new Set(batch.map(({ key }) => key))];
    const extra = takeAnnounced(most - asked.length);
    const at = Date.now();
    try {
      const found = await load([...asked, ...extra]);
      // Asked for meanwhile: the next request reads it, and a value that stays here would be older than that.
      const pending = new Set(queue.map(({ key }) => key));
      for (const key of extra) if (!pending.has(key)) early.set(key, { value: found.get(key), at });
      for (const { key, resolve } of batch) resolve(found.get(key));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    if (pauseMs > 0 && queue.length < most) await sleep(pauseMs);
    busy = false;
    if (queue.length > 0) void next();
  }

  function takeAnnounced(count: number): string[] {
    const keys = [...announced].slice(0, Math.max(0, count));
    for (const key of keys) announced.delete(key);
    return keys;
  }

  function takeEarly(key: string): { readonly value: T | undefined } | undefined {
    const known = early.get(key);
    early.delete(key);
    return known !== undefined && Date.now() - known.at <= maxAgeMs ? known : undefined;
  }

  return {
    get(key, { fresh = false } = {}) {
      announced.delete(key);
      const known = takeEarly(key);
      if (known !== undefined && !fresh) return Promise.resolve(known.value);
      return new Promise((resolve, reject) => {
        queue.push({ key, resolve, reject });
        if (!busy) void next();
      });
    },
    announce(keys) {
      for (const key of keys) announced.add(key);
      for (const kept of [announced, early])
        while (kept.size > maxRemembered) kept.delete(kept.keys().next().value as string);
    },
  };
}
