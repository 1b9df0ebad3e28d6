import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bisect } from '../../../src/engine/stages/batching.ts';
import { DroverError } from '../../../src/errors.ts';

/** Work that fails for every set with a bad item; returns the results and the number of calls. */
async function search(n: number, bad: ReadonlySet<number>) {
  let calls = 0;
  const work = async (items: readonly number[]): Promise<string[]> => {
    calls += 1;
    if (items.some((item) => bad.has(item))) throw new DroverError('TARGET_CONSTRAINT', 'no');
    return items.map((item) => `ok ${item}`);
  };
  const items = Array.from({ length: n }, (_, index) => index);
  const answers = await bisect(items, work, (item) => `bad ${item}`);
  return { answers, calls };
}

test('one bad item among any number up to 500 costs at most 2·log2(n) further calls, wherever it is', async () => {
  let most = { calls: 0, n: 0 };
  for (const n of [2, 3, 5, 16, 17, 100, 255, 256, 257, 499, 500]) {
    for (let bad = 0; bad < n; bad += 1) {
      const { answers, calls } = await search(n, new Set([bad]));
      expect(answers.filter((answer) => answer.startsWith('bad'))).toEqual([`bad ${bad}`]);
      expect(calls - 1).toBeLessThanOrEqual(2 * Math.log2(n));
      if (calls > most.calls) most = { calls, n };
    }
  }
  console.log(`a bad item is found in at most ${most.calls} calls, the first one included (batch of ${most.n})`);
});

test('each item gets its own result in its own position, whichever items fail', async () => {
  const sets = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.array(fc.integer({ min: 0, max: 59 })));
  await fc.assert(
    fc.asyncProperty(sets, async ([n, some]) => {
      const bad = new Set(some.filter((item) => item < n));
      const { answers } = await search(n, bad);
      expect(answers).toEqual(Array.from({ length: n }, (_, item) => `${bad.has(item) ? 'bad' : 'ok'} ${item}`));
    }),
  );
});

test('items that fail only together all succeed', async () => {
  const work = async (items: readonly number[]): Promise<readonly number[]> => {
    if (items.includes(2) && items.includes(9)) throw new DroverError('TARGET_CONSTRAINT', 'these two');
    return items;
  };
  const items = Array.from({ length: 12 }, (_, index) => index);
  expect(await bisect(items, work, () => -1)).toEqual(items);
});

test('an error that is not of class data is rethrown', async () => {
  const away = async (): Promise<number[]> => {
    throw new DroverError('DATABASE_UNAVAILABLE', 'gone');
  };
  await expect(bisect([1, 2], away, () => 0)).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
});
