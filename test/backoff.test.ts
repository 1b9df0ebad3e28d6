import { expect, test } from 'vitest';
import { backoff } from '../src/backoff.ts';

const largest = () => 1;
const smallest = () => 0;

test('the delay doubles from one second to one minute, half of it random', () => {
  const delays = [0, 1, 5, 6, 10, 5_000].map((attempts) => backoff(attempts, undefined, largest));
  expect(delays).toEqual([1_000, 2_000, 32_000, 60_000, 60_000, 60_000]);
  expect([0, 6].map((attempts) => backoff(attempts, undefined, smallest))).toEqual([500, 30_000]);
});

test('full jitter draws from zero to the bound', () => {
  const options = { firstMs: 250, maxMs: 8_000, jitter: 1 };
  expect([0, 3, 9].map((attempts) => backoff(attempts, options, largest))).toEqual([250, 2_000, 8_000]);
  expect(backoff(3, options, smallest)).toBe(0);
});
