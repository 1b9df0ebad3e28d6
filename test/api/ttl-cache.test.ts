import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createTtlCache } from '../../src/api/ttl-cache.ts';

const ttlMs = 30;
const staleMs = 400;

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

/** A cache whose loads the test settles: `answer` and `fail` settle the oldest pending one. */
function testCache() {
  const loads: { resolve(value: string): void; reject(error: Error): void }[] = [];
  let begun = 0;
  const values = createTtlCache<string>({ ttlMs, staleMs }, () => {
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

test('one load serves all callers; the first wait, later ones get the stale value while the next is loading', async () => {
  const { get, answer, begun } = testCache();
  const first = [get(), get(), get()];
  answer('one');
  expect(await Promise.all(first)).toEqual(['one', 'one', 'one']);
  expect([await get(), begun()]).toEqual(['one', 1]);
  vi.advanceTimersByTime(ttlMs);
  expect(await Promise.all([get(), get()])).toEqual(['one', 'one']);
  expect(begun()).toBe(2);
  answer('two');
  await nextTurn();
  expect([await get(), begun()]).toEqual(['two', 2]);
});

test('callers wait when the value is older than staleMs', async () => {
  const { get, answer } = testCache();
  const first = get();
  answer('one');
  await first;
  vi.advanceTimersByTime(staleMs);
  const late = get();
  expect(await Promise.race([late, nextTurn('waits')])).toBe('waits');
  answer('two');
  expect(await late).toBe('two');
});

test('an invalidated value is not returned again, nor one whose load had started before', async () => {
  const { get, forget, answer } = testCache();
  const before = get();
  forget();
  const after = get();
  answer('before');
  answer('after');
  expect([await before, await after, await get()]).toEqual(['before', 'after', 'after']);
});

test('a failed load rejects only for callers that wait for it', async () => {
  const { get, answer, fail, begun } = testCache();
  const first = get();
  fail();
  await expect(first).rejects.toThrow('away');
  const again = get();
  answer('one');
  await again;
  vi.advanceTimersByTime(ttlMs);
  expect(await get()).toBe('one');
  fail();
  await nextTurn();
  expect([await get(), begun()]).toEqual(['one', 4]);
});
