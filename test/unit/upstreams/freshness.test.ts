import { expect, test } from 'vitest';
import { createFreshness } from '../../../src/upstreams/freshness.ts';

test('a token is stale when it took much longer than the quickest of late', () => {
  const near = createFreshness(50);
  expect([1, 2, 40, 51, 60, 2].map(near.isFresh)).toEqual([true, true, true, true, false, true]);
  const far = createFreshness(50);
  expect([200, 210, 205, 240, 300].map(far.isFresh)).toEqual([true, true, true, true, false]);
});

test('a process that moved away from Redis gets used to it', () => {
  const moved = createFreshness(50);
  moved.isFresh(1);
  const verdicts = Array.from({ length: 100 }, () => moved.isFresh(80));
  expect(verdicts.at(0)).toBe(false);
  expect(verdicts.at(-1)).toBe(true);
});
