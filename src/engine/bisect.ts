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
  try {
    return [...(await work(items))];
  } catch (thrown) {
    const error = toDroverError(thrown);
    if (error.class !== 'data') throw error;
    const [only] = items;
    if (items.length === 1 && only !== undefined) return [refused(only, error)];
    const middle = Math.ceil(items.length / 2);
    const left = await bisect(items.slice(0, middle), work, refused);
    return [...left, ...(await bisect(items.slice(middle), work, refused))];
  }
}
