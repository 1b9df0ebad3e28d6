/** Values by name that are asked for once in a while, however many want them. */
export interface TtlCache<T> {
  get(name: string): Promise<T>;
  /** What is known under the name is over: the next who asks gets a value whose loading began after this. */
  invalidate(name: string): void;
}

export interface TtlOptions {
  /** A value is not asked for again before it is this old, in milliseconds. */
  readonly ttlMs: number;
  /**
   * Up to this age, counted from when its loading began, a value is given out while the next one is on its way: nobody
   * waits for it. `freshMs` when absent.
   */
  readonly staleMs?: number;
}

interface Entry<T> {
  /** The newest that arrived. */
  value?: { readonly of: T; readonly begunAt: number; readonly at: number };
  /** The next one, on its way. */
  pending?: Promise<T>;
}

// Names come from requests, so their number must have an end.
const maxEntries = 10_000;

/** Keeps each value for a while; who asks while one is on its way gets the same one. Failures are not kept. */
export function createTtlCache<T>(
  { ttlMs: freshMs, staleMs: usableMs }: TtlOptions,
  load: (name: string) => Promise<T>,
): TtlCache<T> {
  const kept = new Map<string, Entry<T>>();

  const begin = (name: string, entry: Entry<T>): Promise<T> => {
    const begunAt = performance.now();
    const next = load(name);
    entry.pending = next;
    next.then(
      (of) => {
        entry.value = { of, begunAt, at: performance.now() };
        delete entry.pending;
      },
      () => {
        delete entry.pending;
        if (!entry.value && kept.get(name) === entry) kept.delete(name);
      },
    );
    return next;
  };

  const open = (name: string): Entry<T> => {
    if (kept.size >= maxEntries) kept.clear();
    const entry: Entry<T> = {};
    kept.set(name, entry);
    return entry;
  };

  return {
    async get(name) {
      const entry = kept.get(name) ?? open(name);
      const { value } = entry;
      const now = performance.now();
      if (value && now - value.at < freshMs) return value.of;
      const next = entry.pending ?? begin(name, entry);
      // Its failure is for those who wait for it.
      if (value && usableMs !== undefined && now - value.begunAt < usableMs) return value.of;
      return next;
    },
    invalidate: (name) => void kept.delete(name),
  };
}
