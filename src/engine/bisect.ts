import type { DroverError } from '../errors.ts';
import { toDroverError } from '../errors.ts';

/**
 * Runs the work over all items; when it fails for the data's sake, halves until the item at fault stands alone, so that
 * one poison row among n costs at most 2·log2(n) further tries and the others go through.
 * @param refused makes the answer of an item that fails by itself
 * Rethrows every error that is not of class data.
 */
export async function bisect<T, R>(
  items: readonly T[],
  work: (items: readonly T[]) => Promise<readonly R[]>,
  refused: (item: T, error: DroverError) => R,
): Promise<R[]> {
  if (items.length === 0) return [];
  const whole = await attempt(items, work);
  return whole.ok ? [...whole.answers] : halves(items, whole.error, work, refused);
}

type Attempt<R> =
  | { readonly ok: true; readonly answers: readonly R[] }
  | { readonly ok: false; readonly error: DroverError };

async function attempt<T, R>(
  items: readonly T[],
  work: (items: readonly T[]) => Promise<readonly R[]>,
): Promise<Attempt<R>> {
  try {
    return { ok: true, answers: await work(items) };
  } catch (thrown) {
    const error = toDroverError(thrown);
    if (error.class !== 'data') throw error;
    return { ok: false, error };
  }
}

/** The items are known to fail together. The smaller half goes first: from its failure nothing follows for the other. */
async function halves<T, R>(
  items: readonly T[],
  error: DroverError,
  work: (items: readonly T[]) => Promise<readonly R[]>,
  refused: (item: T, error: DroverError) => R,
): Promise<R[]> {
  const [only] = items;
  if (items.length === 1 && only !== undefined) return [refused(only, error)];
  const middle = Math.floor(items.length / 2);
  const [left, right] = [items.slice(0, middle), items.slice(middle)];
  const first = await attempt(left, work);
  if (!first.ok) return [...(await halves(left, first.error, work, refused)), ...(await bisect(right, work, refused))];
  // What is at fault is in the right half then, and trying it as a whole would only say so again.
  if (right.length === 1) return [...first.answers, ...(await bisect(right, work, refused))];
  return [...first.answers, ...(await halves(right, error, work, refused))];
}
