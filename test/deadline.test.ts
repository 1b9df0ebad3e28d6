import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { withDeadline } from '../src/deadline.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = new Promise<string>(() => {});
const late = () => new Error('late');

test('work that ends in time returns its result or its error, and leaves no timer', async () => {
  expect(await withDeadline(Promise.resolve('done'), 100, late)).toBe('done');
  await expect(withDeadline(Promise.reject(new Error('failed')), 100, late)).rejects.toThrow('failed');
  expect(vi.getTimerCount()).toBe(0);
});

test('work that takes longer fails at the deadline, not before', async () => {
  let failure: unknown;
  const waiting = withDeadline(never, 100, late).catch((error) => {
    failure = error;
  });
  await vi.advanceTimersByTimeAsync(99);
  expect(failure).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1);
  await waiting;
  expect(failure).toEqual(new Error('late'));
});
