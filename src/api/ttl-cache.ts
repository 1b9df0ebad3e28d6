/** Values by name that are loaded at most once per time to live, however many callers ask. */
export interface TtlCache<T> {
  get(name: string): Promise<T>;
  /** Drops the value of the name: the next caller gets one whose load started after this call. */
  invalidate(name: string): void;
}

export interface TtlOptions {
  /** A value is not loaded again before it is this old, in milliseconds. */
  readonly ttlMs: number;
  /**
   * Up to this age, in milliseconds since its load started, a value is returned while the next one is loading. When absent,
   * callers wait for the next value as soon as this one is older than `ttlMs`.
   */
  readonly staleMs?: number;
}

interface Entry<T> {
  /** The newest loaded value. */
  value?: { readonly content: T; readonly startedAt: number; readonly loadedAt: number };
  /** The load that is running. */
  pending?: Promise<T>;
}

// Names come from requests, so their number must be bounded.
const maxEntries = 10_000;

/** Keeps each value for `ttlMs`; callers during a load share it. Failures are not kept. */
export function createTtlCache<T>({ ttlMs, staleMs }: TtlOptions, load: (name: string) => Promise<T>): TtlCache<T> {
  const entries = new Map<string, Entry<T>>();

  const startLoad = (name: string, entry: Entry<T>): Promise<T> => {
    const startedAt = performance.now();
    const next = load(name);
    entry.pending = next;
    next.then(
      (content) => {
        entry.value = { content, startedAt, loadedAt: performance.now() };
        delete entry.pending;
      },
      () => {
        delete entry.pending;
        if (!entry.value && entries.get(name) === entry) entries.delete(name);
      },
    );
    return next;
  };

  const addEntry = (name: string): Entry<T> => {
    if (entries.size >= maxEntries) entries.clear();
    const entry: Entry<T> = {};
    entries.set(name, entry);
    return entry;
  };

  return {
    async get(name) {
      const entry = entries.get(name) ?? addEntry(name);
      const { value } = entry;
      const now = performance.now();
      if (value && now - value.loadedAt < ttlMs) return value.content;
      const next = entry.pending ?? startLoad(name, entry);
      // A failed load rejects only for callers that wait for it.
      if (value && staleMs !== undefined && now - value.startedAt < staleMs) return value.content;
      return next;
    },
    invalidate: (name) => void entries.delete(name),
  };
}
