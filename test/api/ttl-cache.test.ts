import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createTtlCache } from '../../src/api/ttl-cache.ts';

const usableMs = 400;

/** Values that arrive when the test says so: `answer` and `fail` settle the oldest load that hangs. */
function lab() {
  const loads: { resolve(value: string): void; reject(error: Error): void }[] = [];
  let begun = 0;
  const values = createTtlCache<string>({ ttlMs: 30, staleMs: usableMs }, () => {
    begun += 1;
    return new Promise((resolve, reject) => loads.push({ resolve, reject }));
  });
  return {
    get: () => values.get('run'),
    forget: () => values.invalidate('run'),
    begun: () => begun,
    answer: (value: string) => loads.shift()?.resolve(value),
    fail: () => loads.shift()?.reject(new Error('away')),
  };
}

test('however many ask, it is asked for once; the first wait, later ones are answered at once while the next is on its way', async () => {
  const { get, answer, begun } = lab();
  const first = [get(), get(), get()];
  answer('one');
  expect(await Promise.all(first)).toEqual(['one', 'one', 'one']);
  expect([await get(), begun()]).toEqual(['one', 1]);
  await sleep(40);
  expect(await Promise.all([get(), get()])).toEqual(['one', 'one']);
  expect(begun()).toBe(2);
  answer('two');
  await sleep(0);
  expect([await get(), begun()]).toEqual(['two', 2]);
});

test('nobody is given what is too old: he waits', async () => {
  const { get, answer } = lab();
  const first = get();
  answer('one');
  await first;
  await sleep(usableMs + 10);
  const late = get();
  expect(await Promise.race([late, sleep(20, 'waits')])).toBe('waits');
  answer('two');
  expect(await late).toBe('two');
});

test('what was forgotten is not given out again, nor what was on its way then', async () => {
  const { get, forget, answer } = lab();
  const before = get();
  forget();
  const after = get();
  answer('before');
  answer('after');
  expect([await before, await after, await get()]).toEqual(['before', 'after', 'after']);
});

test('a failure is told to who waits for it, and to nobody else', async () => {
  const { get, answer, fail, begun } = lab();
  const first = get();
  fail();
  await expect(first).rejects.toThrow('away');
  const again = get();
  answer('one');
  await again;
  await sleep(40);
  expect(await get()).toBe('one');
  fail();
  await sleep(0);
  expect([await get(), begun()]).toEqual(['one', 4]);
});
