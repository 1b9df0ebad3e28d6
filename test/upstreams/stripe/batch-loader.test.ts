import { expect, test } from 'vitest';
import { createBatchLoader } from '../../../src/upstreams/stripe/batch-loader.ts';

/** A load that answers when it is let go, and what each request asked for. */
function heldLoad() {
  const asked: (readonly string[])[] = [];
  let letGo: (() => void) | undefined;
  const load = async (keys: readonly string[]) => {
    asked.push(keys);
    await new Promise<void>((resolve) => {
      letGo = resolve;
    });
    if (keys.includes('bad')) throw new Error('refused');
    return new Map(keys.filter((key) => key !== 'absent').map((key) => [key, `${key}${asked.length}`]));
  };
  return { asked, load, answer: () => letGo?.() };
}

test('what is asked for meanwhile goes together, each gets its own, and a failure is only of its set', async () => {
  const { asked, load, answer } = heldLoad();
  const { get } = createBatchLoader(load, { most: 3 });
  const first = get('a');
  await expect.poll(() => asked.length).toBe(1);
  const rest = Promise.allSettled(['b', 'absent', 'b', 'bad', 'c'].map((key) => get(key)));
  answer();
  expect(await first).toBe('a1');
  await expect.poll(() => asked.length).toBe(2);
  answer();
  await expect.poll(() => asked.length).toBe(3);
  answer();
  expect(await rest).toEqual([
    { status: 'fulfilled', value: 'b2' },
    { status: 'fulfilled', value: undefined },
    { status: 'fulfilled', value: 'b2' },
    { status: 'rejected', reason: new Error('refused') },
    { status: 'rejected', reason: new Error('refused') },
  ]);
  expect(asked).toEqual([['a'], ['b', 'absent'], ['bad', 'c']]);
});

test('announced keys fill a request, and are answered from it once; fresh asks again', async () => {
  const asked: (readonly string[])[] = [];
  const load = async (keys: readonly string[]) => {
    asked.push(keys);
    return new Map(keys.map((key) => [key, `${key}${asked.length}`]));
  };
  const { get, announce } = createBatchLoader(load, { most: 3, maxAgeMs: 60_000 });
  announce(['a', 'b', 'c', 'd']);
  expect(await get('a')).toBe('a1');
  expect(asked).toEqual([['a', 'b', 'c']]);
  expect(await get('b')).toBe('b1');
  expect(await get('c', { fresh: true })).toBe('c2');
  expect(await get('b')).toBe('b3');
  expect(asked).toEqual([['a', 'b', 'c'], ['c', 'd'], ['b']]);
});

test('a value that is too old is asked for again', async () => {
  const asked: (readonly string[])[] = [];
  const load = async (keys: readonly string[]) => {
    asked.push(keys);
    return new Map(keys.map((key) => [key, key]));
  };
  const { get, announce } = createBatchLoader(load, { most: 3, maxAgeMs: -1 });
  announce(['b']);
  await get('a');
  await get('b');
  expect(asked).toEqual([['a', 'b'], ['b']]);
});
