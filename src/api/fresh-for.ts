/** Values by name that are asked for once in a while, however many want them. */
export interface FreshValues<T> {
  get(name: string): Promise<T>;
  forget(name: string): void;
}

interface Kept<T> {
  readonly value: Promise<T>;
  until: number;
}

// Names come from requests, so their number must have an end.
const mostKept = 10_000;

/**
 * Keeps each value for `ms` after it arrived; who asks meanwhile, or while it is on its way, gets the same one.
 * Failures are not kept.
 */
export function freshFor<T>(ms: number, load: (name: string) => Promise<T>): FreshValues<T> {
  const kept = new Map<string, Kept<T>>();
  const begin = (name: string): Promise<T> => {
    if (kept.size >= mostKept) kept.clear();
    const entry: Kept<T> = { value: load(name), until: Number.POSITIVE_INFINITY };
    kept.set(name, entry);
    entry.value.then(
      () => {
        entry.until = performance.now() + ms;
      },
      () => {
        if (kept.get(name) === entry) kept.delete(name);
      },
    );
    return entry.value;
  };
  return {
    get(name) {
      const entry = kept.get(name);
      return entry && entry.until > performance.now() ? entry.value : begin(name);
    },
    forget(name) {
      kept.delete(name);
    },
  };
}
