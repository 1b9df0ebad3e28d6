import { expect, test } from 'vitest';
import { createBatchLoader } from '../../../src/upstreams/stripe/client.ts';

test('keys requested during a request share the next one, each caller gets its own value, and a failure affects its batch only', async () => {
  const asked: (readonly string[])[] = [];
  const one = createBatchLoader(async (keys) => {
    asked.push(keys);
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (keys.includes('bad')) throw new Error('refused');
    return new Map(keys.filter((key) => key !== 'absent').map((key) => [key, `${key}!`]));
  }, 3);
  const first = one('a');
  await new Promise((resolve) => setTimeout(resolve, 1));
  const rest = Promise.allSettled(['b', 'absent', 'b', 'bad', 'c'].map(one));
  expect(await first).toBe('a!');
  expect(await rest).toEqual([
    { status: 'fulfilled', value: 'b!' },
    { status: 'fulfilled', value: undefined },
    { status: 'fulfilled', value: 'b!' },
    { status: 'rejected', reason: new Error('refused') },
    { status: 'rejected', reason: new Error('refused') },
  ]);
  expect(asked).toEqual([['a'], ['b', 'absent'], ['bad', 'c']]);
});
