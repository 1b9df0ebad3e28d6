import { expect, test } from 'vitest';
import { retryAfterMs } from '../../src/upstreams/outcome.ts';

const now = Date.parse('2026-03-01T10:00:00Z');

test.each([
  [{ 'retry-after': '12' }, 12_000],
  [{ 'retry-after': '0.5' }, 500],
  [{ 'retry-after': '0' }, 0],
  [{ 'retry-after': 'Sun, 01 Mar 2026 10:00:30 GMT' }, 30_000],
  [{ 'retry-after': 'Sun, 01 Mar 2026 09:00:00 GMT' }, 0],
  // Their clock is ten minutes ahead of ours; the answer's own date shows it.
  [{ 'retry-after': 'Sun, 01 Mar 2026 10:10:05 GMT', date: 'Sun, 01 Mar 2026 10:10:00 GMT' }, 5_000],
  [{ 'rate-limit-reset': '3.25' }, 3_250],
  [{ 'x-ratelimit-reset': String(now / 1_000 + 7) }, 7_000],
  [{ 'x-ratelimit-reset': String(now + 7_000) }, 7_000],
  [{ 'retry-after': 'soon 5', 'rate-limit-reset': '2' }, 2_000],
  [{ 'retry-after': '99999999' }, 3_600_000],
])('%j asks for %d ms', (headers, expected) => {
  expect(retryAfterMs(headers, now)).toBe(expected);
});

test.each(['', 'soon, please', 'soon 5', '-3', '1e9', '12abc', 'null', 'Sun, 99 Foo', '٣'])(
  '%j asks for nothing',
  (text) => {
    expect(retryAfterMs({ 'retry-after': text, 'x-ratelimit-reset': text }, now)).toBeUndefined();
  },
);
