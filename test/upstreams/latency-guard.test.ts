import { expect, test } from 'vitest';
import { createLatencyGuard } from '../../src/upstreams/limiter.ts';

test('a token is stale when it took much longer than the fastest recent one', () => {
  const near = createLatencyGuard(50);
  expect([1, 2, 40, 51, 60, 2].map(near.isAcceptable)).toEqual([true, true, true, true, false, true]);
  const far = createLatencyGuard(50);
  expect([200, 210, 205, 240, 300].map(far.isAcceptable)).toEqual([true, true, true, true, false]);
});

test('a process whose latency to Redis rises adapts to it', () => {
  const moved = createLatencyGuard(50);
  moved.isAcceptable(1);
  const accepted = Array.from({ length: 100 }, () => moved.isAcceptable(80));
  expect(accepted.at(0)).toBe(false);
  expect(accepted.at(-1)).toBe(true);
});
