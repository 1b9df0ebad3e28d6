import { type DroverError, toDroverError } from '../../errors.ts';

/** Work on many items at once; a result that is a promise may settle later than the others without delaying them. */
export type BatchWork<T, R> = (items: readonly T[]) => Promise<readonly (R | Promise<R>)[]>;

export interface Coalescer<T, R> {
  /** Returns results in the order of the items. Rejects when the work of their batch does. */
  submit(items: readonly T[]): Promise<R[]>;
}

export interface CoalescerOptions {
  /** Items in one call at the most. */
  readonly maxItems: number;
  /** Concurrent calls; with more than one the database works while this process prepares the next. */
  readonly parallel: number;
}

interface Waiting<T, R> {
  readonly item: T;
  readonly resolve: (result: R | Promise<R>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Turns many small submissions into few large calls: items that arrive during a call are collected for the next one.
 * There is no timer, so a single record is not delayed, and a busy worker writes in sets.
 */
export function createCoalescer<T, R>(work: BatchWork<T, R>, options: CoalescerOptions): Coalescer<T, R> {
  const queue: Waiting<T, R>[] = [];
  let running = 0;
  let scheduled = false;

  async function run(batch: readonly Waiting<T, R>[]): Promise<void> {
    try {
      const results = await work(batch.map((waiting) => waiting.item));
      for (const [index, waiting] of batch.entries()) waiting.resolve(results[index] as R | Promise<R>);
    } catch (error) {
      for (const waiting of batch) waiting.reject(error);
    } finally {
      running -= 1;
      schedule();
    }
  }

  function flush(): void {
    scheduled = false;
    while (running < options.parallel && queue.length > 0) {
      running += 1;
      void run(queue.splice(0, options.maxItems));
    }
  }

  function schedule(): void {
    if (scheduled || queue.length === 0 || running >= options.parallel) return;
    scheduled = true;
    // After this turn of the event loop, so that jobs that start together share a call.
    setImmediate(flush);
  }

  return {
    submit: (items) => {
      const results = items.map((item) => new Promise<R>((resolve, reject) => queue.push({ item, resolve, reject })));
      schedule();
      return Promise.all(results);
    },
  };
}

/**
 * Runs the work over all items; when an item is refused, halves the items until that item is alone, so that one poison row
 * among n costs at most 2·log2(n) further attempts and the others succeed.
 * @param onRefused makes the result of an item that is refused by itself
 * @param isRefusal true for errors that concern an item; by default those of class data
 * @throws every other error
 */
export async function bisect<T, R>(
  items: readonly T[],
  work: (items: readonly T[]) => Promise<readonly R[]>,
  onRefused: (item: T, error: DroverError) => R,
  isRefusal: (error: DroverError) => boolean = (error) => error.class === 'data',
): Promise<R[]> {
  if (items.length === 0) return [];
  const search = { work, onRefused, isRefusal };
  const whole = await attempt(items, search);
  return whole.ok ? [...whole.results] : bisectHalves(items, whole.error, search);
}

interface Search<T, R> {
  readonly work: (items: readonly T[]) => Promise<readonly R[]>;
  readonly onRefused: (item: T, error: DroverError) => R;
  readonly isRefusal: (error: DroverError) => boolean;
}

type Attempt<R> =
  | { readonly ok: true; readonly results: readonly R[] }
  | { readonly ok: false; readonly error: DroverError };

async function attempt<T, R>(items: readonly T[], { work, isRefusal }: Search<T, R>): Promise<Attempt<R>> {
  try {
    return { ok: true, results: await work(items) };
  } catch (thrown) {
    const error = toDroverError(thrown);
    if (!isRefusal(error)) throw error;
    return { ok: false, error };
  }
}

/** The items are known to fail together. The left half goes first: its failure says nothing about the right half. */
async function bisectHalves<T, R>(items: readonly T[], error: DroverError, search: Search<T, R>): Promise<R[]> {
  const { work, onRefused, isRefusal } = search;
  const [only] = items;
  if (items.length === 1 && only !== undefined) return [onRefused(only, error)];
  const middle = Math.floor(items.length / 2);
  const [left, right] = [items.slice(0, middle), items.slice(middle)];
  const first = await attempt(left, search);
  if (!first.ok) {
    const refused = await bisectHalves(left, first.error, search);
    return [...refused, ...(await bisect(right, work, onRefused, isRefusal))];
  }
  // The failing item is in the right half then; trying that half as a whole would only fail again.
  if (right.length === 1) return [...first.results, ...(await bisect(right, work, onRefused, isRefusal))];
  return [...first.results, ...(await bisectHalves(right, error, search))];
}

/** Groups items by key, in the order the keys first occur. */
export function groupBy<T, K>(items: readonly T[], key: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const name = key(item);
    const group = groups.get(name);
    if (group) group.push(item);
    else groups.set(name, [item]);
  }
  return groups;
}
