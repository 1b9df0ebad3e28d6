import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { TokenGrant } from '../../src/upstreams/limiter.ts';
import { createRedisSpace } from '../helpers/redis.ts';
import { figuresOf } from './fleet.ts';
import { LimiterFixture } from './limiter-fixture.ts';

const space = createRedisSpace();
const redis = new Redis(space.url);
let lab: LimiterFixture;

beforeEach(async () => {
  await space.drop();
  lab = new LimiterFixture(redis, space.prefix);
});
afterAll(async () => {
  await space.drop();
  redis.disconnect();
});

interface Waiter {
  at: number;
  interactive: boolean;
  last?: TokenGrant | undefined;
}

/** Lets callers come at their times and be late by their lateness; gives the times at which they went. */
async function play(rps: number, waiters: Waiter[], lateness: () => number): Promise<number[]> {
  const went: number[] = [];
  const waiting = [...waiters];
  while (waiting.length > 0) {
    waiting.sort((a, b) => b.at - a.at);
    const next = waiting.pop() as Waiter;
    lab.now = Math.max(lab.now, next.at);
    const taken = await lab.take({ rps, interactive: next.interactive, last: next.last });
    if (taken.decision === 'go') went.push(lab.now);
    if (taken.decision === 'wait')
      waiting.push({ ...next, at: lab.now + Math.min(taken.waitMs, 1_000) + lateness(), last: taken });
  }
  return went;
}

test('no sliding second ever holds more than the limit, whenever callers come and however late they are', async () => {
  const callers = fc.array(fc.record({ at: fc.integer({ min: 0, max: 3_000 }), interactive: fc.boolean() }), {
    maxLength: 120,
  });
  const lateness = fc.infiniteStream(fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 400 })));
  await fc.assert(
    fc.asyncProperty(callers, lateness, fc.integer({ min: 1, max: 60 }), async (given, late, rps) => {
      await space.drop();
      const begin = lab.now;
      const waiters = given.map(({ at, interactive }) => ({ at: begin + at, interactive }));
      const went = await play(rps, waiters, () => late.next().value as number);
      expect(figuresOf(went, rps).most).toBeLessThanOrEqual(rps);
    }),
    { numRuns: 60 },
  );
});

test.each([3, 50, 250])('a fleet that wants more than %d a second gets nine tenths of it', async (rps) => {
  const begin = lab.now;
  let late = 0;
  const waiters = Array.from({ length: rps * 4 }, (_, at) => ({ at: begin + at / rps, interactive: false }));
  const went = await play(rps, waiters, () => (late = (late + 7) % 12));
  const { used, most } = figuresOf(went, rps);
  expect(most).toBeLessThanOrEqual(rps);
  expect(used).toBeGreaterThan(0.9);
});

test('a bucket that does not exist starts empty', async () => {
  expect(await lab.take({ rps: 10 })).toMatchObject({ decision: 'wait' });
  const before = lab.now;
  await lab.acquire({ rps: 10 });
  expect(lab.now - before).toBeGreaterThan(100);
});

test('a wait beyond the bound is told at once, and takes no place in line', async () => {
  const waits: TokenGrant[] = [];
  for (let i = 0; i < 8; i += 1) waits.push(await lab.take({ rps: 1 }));
  expect(waits.map(({ decision: verdict }) => verdict)).toEqual([...Array(4).fill('wait'), ...Array(4).fill('later')]);
  expect(waits.at(-1)?.waitMs).toBe(waits.at(-2)?.waitMs);
});

test('nobody goes before the moment the upstream has named; then they go one by one and slower', async () => {
  await lab.acquire({ rps: 50 });
  const sleeper = await lab.take({ rps: 50 });
  await lab.report('throttled', { pauseMs: 3_000 });
  const named = lab.now + 3_000;
  const begin = lab.now;
  const went = await play(
    50,
    [{ at: begin + sleeper.waitMs, interactive: false, last: sleeper }, ...herd(begin + 100, 30)],
    () => 1,
  );
  expect(Math.min(...went)).toBeGreaterThanOrEqual(named);
  expect(figuresOf(went, 50).used).toBeLessThan(0.75);
});

test('429s that come together count once; the rate grows back slowly', async () => {
  await lab.acquire({ rps: 50 });
  for (let i = 0; i < 20; i += 1) await lab.report('throttled', { pauseMs: 100 });
  expect(await rate()).toBeCloseTo(0.7, 1);
  lab.now += 15_000;
  expect(await rate()).toBeCloseTo(0.85, 1);
  lab.now += 60_000;
  expect(await rate()).toBe(1);
  for (let i = 0; i < 30; i += 1) {
    lab.now += 1_100;
    await lab.report('throttled', { pauseMs: 0 });
  }
  expect(await rate()).toBeGreaterThanOrEqual(0.05);
});

test('a limit changed at run time moves the line at once, up and down', async () => {
  await lab.acquire({ rps: 1 });
  const places = [await lab.take({ rps: 1 }), await lab.take({ rps: 1 }), await lab.take({ rps: 1 })];
  await redis.hset(`${space.prefix}:upstream-limits`, 'up', '100');
  lab.now += 100;
  const moved = await lab.take({ rps: 1, last: places[2] });
  expect(moved.waitMs).toBeLessThan(50);
  await redis.hset(`${space.prefix}:upstream-limits`, 'up', '0.5');
  await lab.take({ rps: 1 });
  expect((await lab.take({ rps: 1 })).waitMs).toBeGreaterThan(2_000);
});

test('an interactive request goes before bulk that came earlier, and keeps none waiting after it', async () => {
  const begin = lab.now;
  const bulk = herd(begin, 100);
  const waiters = [...bulk, { at: begin + 1_005, interactive: true }];
  const order: { at: number; interactive: boolean }[] = [];
  const waiting: Waiter[] = [...waiters];
  while (waiting.length > 0) {
    waiting.sort((a, b) => b.at - a.at);
    const next = waiting.pop() as Waiter;
    lab.now = Math.max(lab.now, next.at);
    const taken = await lab.take({ rps: 20, interactive: next.interactive, last: next.last });
    if (taken.decision === 'go') order.push({ at: lab.now - begin, interactive: next.interactive });
    if (taken.decision === 'wait') waiting.push({ ...next, at: lab.now + taken.waitMs + 1, last: taken });
  }
  expect(order.find(({ interactive }) => interactive)?.at).toBeLessThan(1_130);
  expect(
    figuresOf(
      order.map(({ at }) => at),
      20,
    ).used,
  ).toBeGreaterThan(0.88);
});

test('bulk that comes at the very opening lets the interactive request through that waits for it', async () => {
  await lab.acquire({ rps: 10 });
  const interactive = await lab.take({ rps: 10, interactive: true });
  const bulk = await lab.take({ rps: 10 });
  lab.now += interactive.waitMs + 1;
  expect(await lab.take({ rps: 10, last: { ...bulk, queuePosition: interactive.queuePosition } })).toMatchObject({
    decision: 'wait',
  });
  expect(await lab.take({ rps: 10, interactive: true, last: interactive })).toMatchObject({ decision: 'go' });
});

test('those who slept into a pause line up again behind it instead of all asking at its end', async () => {
  await lab.acquire({ rps: 10 });
  const sleepers = [await lab.take({ rps: 10 }), await lab.take({ rps: 10 }), await lab.take({ rps: 10 })];
  await lab.report('throttled', { pauseMs: 2_000 });
  lab.now += 400;
  const waits: number[] = [];
  for (const last of sleepers) waits.push((await lab.take({ rps: 10, last })).waitMs);
  expect(waits[0]).toBeCloseTo(1_600, 0);
  expect((waits[1] ?? 0) - (waits[0] ?? 0)).toBeGreaterThan(100);
  expect((waits[2] ?? 0) - (waits[1] ?? 0)).toBeGreaterThan(100);
});

test('an endpoint with a limit of its own is held to both, and does not hold up the others', async () => {
  const slow = { rps: 50, endpointRps: 1, endpoint: 'slow' };
  await lab.acquire(slow);
  expect((await lab.take(slow)).waitMs).toBeGreaterThan(1_000);
  expect(await lab.take({ rps: 50, endpoint: 'other' })).toMatchObject({ buckets: 1 });
  const begin = lab.now;
  await lab.acquire({ rps: 50, endpoint: 'other' });
  expect(lab.now - begin).toBeLessThan(100);
});

test('the breaker opens after failures in a row, lets one request try, and rests longer each time', async () => {
  await lab.acquire({ rps: 50 });
  for (let i = 0; i < 9; i += 1) await lab.report('failed');
  await lab.report('ok');
  for (let i = 0; i < 9; i += 1) await lab.report('failed');
  expect((await lab.take({ rps: 50 })).decision).not.toBe('open');
  await lab.report('failed');
  expect(await lab.take({ rps: 50 })).toMatchObject({ decision: 'open', waitMs: 5_000 });
  await lab.report('failed'); // was under way when it opened; changes nothing
  await lab.report('ok');
  lab.now += 5_001;
  expect(await lab.take({ rps: 50 })).toMatchObject({ decision: 'go', probe: true });
  expect(await lab.take({ rps: 50 })).toMatchObject({ decision: 'open' });
  await lab.report('failed', { probe: true });
  expect(await lab.take({ rps: 50 })).toMatchObject({ decision: 'open', waitMs: 10_000 });
  lab.now += 10_001;
  expect(await lab.take({ rps: 50 })).toMatchObject({ probe: true });
  lab.now += 36_000; // the one who tried has died
  expect(await lab.take({ rps: 50 })).toMatchObject({ probe: true });
  await lab.report('unknown', { probe: true }); // was stopped by its caller
  lab.now += 100;
  expect(await lab.take({ rps: 50 })).toMatchObject({ probe: true });
  await lab.report('ok', { probe: true });
  lab.now += 100;
  expect(await lab.take({ rps: 50 })).toMatchObject({ decision: 'go', probe: false, failures: 0 });
});

function herd(at: number, size: number): Waiter[] {
  return Array.from({ length: size }, () => ({ at, interactive: false }));
}

async function rate(): Promise<number> {
  lab.now += 1;
  await lab.take({ rps: 50 });
  return Number(await redis.hget(`${space.prefix}:upstream:up`, 'factor'));
}
