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

/** Simulates callers that arrive at their times and poll late by `lateness`; returns the times at which tokens were granted. */
async function simulate(rps: number, waiters: Waiter[], lateness: () => number): Promise<number[]> {
  const granted: number[] = [];
  const waiting = [...waiters];
  while (waiting.length > 0) {
    waiting.sort((a, b) => b.at - a.at);
    const next = waiting.pop() as Waiter;
    lab.now = Math.max(lab.now, next.at);
    const grant = await lab.acquireToken({ rps, interactive: next.interactive, last: next.last });
    if (grant.decision === 'granted') granted.push(lab.now);
    if (grant.decision === 'wait')
      waiting.push({ ...next, at: lab.now + Math.min(grant.waitMs, 1_000) + lateness(), last: grant });
  }
  return granted;
}

test('no sliding second holds more requests than the limit, whenever callers arrive and however late they poll', async () => {
  const callers = fc.array(fc.record({ at: fc.integer({ min: 0, max: 3_000 }), interactive: fc.boolean() }), {
    maxLength: 120,
  });
  const lateness = fc.infiniteStream(fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 400 })));
  await fc.assert(
    fc.asyncProperty(callers, lateness, fc.integer({ min: 1, max: 60 }), async (given, late, rps) => {
      await space.drop();
      const begin = lab.now;
      const waiters = given.map(({ at, interactive }) => ({ at: begin + at, interactive }));
      const granted = await simulate(rps, waiters, () => late.next().value as number);
      expect(figuresOf(granted, rps).most).toBeLessThanOrEqual(rps);
    }),
    { numRuns: 60 },
  );
});

test.each([3, 50, 250])(
  'a fleet that requests more than %d a second uses at least nine tenths of the limit',
  async (rps) => {
    const begin = lab.now;
    let late = 0;
    const waiters = Array.from({ length: rps * 4 }, (_, at) => ({ at: begin + at / rps, interactive: false }));
    const granted = await simulate(rps, waiters, () => (late = (late + 7) % 12));
    const { used, most } = figuresOf(granted, rps);
    expect(most).toBeLessThanOrEqual(rps);
    expect(used).toBeGreaterThan(0.9);
  },
);

test('a new bucket starts empty', async () => {
  expect(await lab.acquireToken({ rps: 10 })).toMatchObject({ decision: 'wait' });
  const before = lab.now;
  await lab.acquire({ rps: 10 });
  expect(lab.now - before).toBeGreaterThan(100);
});

test('a wait beyond the budget is rejected at once and takes no queue position', async () => {
  const waits: TokenGrant[] = [];
  for (let i = 0; i < 8; i += 1) waits.push(await lab.acquireToken({ rps: 1 }));
  expect(waits.map(({ decision }) => decision)).toEqual([...Array(4).fill('wait'), ...Array(4).fill('rejected')]);
  expect(waits.at(-1)?.waitMs).toBe(waits.at(-2)?.waitMs);
});

test('no token is granted before the time the upstream has named; after it, one by one at a lower rate', async () => {
  await lab.acquire({ rps: 50 });
  const waiting = await lab.acquireToken({ rps: 50 });
  await lab.report('throttled', { pauseMs: 3_000 });
  const resumesAt = lab.now + 3_000;
  const begin = lab.now;
  const granted = await simulate(
    50,
    [{ at: begin + waiting.waitMs, interactive: false, last: waiting }, ...callersAt(begin + 100, 30)],
    () => 1,
  );
  expect(Math.min(...granted)).toBeGreaterThanOrEqual(resumesAt);
  expect(figuresOf(granted, 50).used).toBeLessThan(0.75);
});

test('429s of requests in flight together count once; the rate grows back slowly', async () => {
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

test('a limit changed at run time changes the waits at once, up and down', async () => {
  await lab.acquire({ rps: 1 });
  const places = [
    await lab.acquireToken({ rps: 1 }),
    await lab.acquireToken({ rps: 1 }),
    await lab.acquireToken({ rps: 1 }),
  ];
  await redis.hset(`${space.prefix}:upstream-limits`, 'up', '100');
  lab.now += 100;
  const moved = await lab.acquireToken({ rps: 1, last: places[2] });
  expect(moved.waitMs).toBeLessThan(50);
  await redis.hset(`${space.prefix}:upstream-limits`, 'up', '0.5');
  await lab.acquireToken({ rps: 1 });
  expect((await lab.acquireToken({ rps: 1 })).waitMs).toBeGreaterThan(2_000);
});

test('an interactive request precedes bulk requests that arrived earlier, and delays none after it', async () => {
  const begin = lab.now;
  const bulk = callersAt(begin, 100);
  const waiters = [...bulk, { at: begin + 1_005, interactive: true }];
  const order: { at: number; interactive: boolean }[] = [];
  const waiting: Waiter[] = [...waiters];
  while (waiting.length > 0) {
    waiting.sort((a, b) => b.at - a.at);
    const next = waiting.pop() as Waiter;
    lab.now = Math.max(lab.now, next.at);
    const grant = await lab.acquireToken({ rps: 20, interactive: next.interactive, last: next.last });
    if (grant.decision === 'granted') order.push({ at: lab.now - begin, interactive: next.interactive });
    if (grant.decision === 'wait') waiting.push({ ...next, at: lab.now + grant.waitMs + 1, last: grant });
  }
  expect(order.find(({ interactive }) => interactive)?.at).toBeLessThan(1_130);
  expect(
    figuresOf(
      order.map(({ at }) => at),
      20,
    ).used,
  ).toBeGreaterThan(0.88);
});

test('a bulk request that polls at the moment a token is free yields to a waiting interactive request', async () => {
  await lab.acquire({ rps: 10 });
  const interactive = await lab.acquireToken({ rps: 10, interactive: true });
  const bulk = await lab.acquireToken({ rps: 10 });
  lab.now += interactive.waitMs + 1;
  expect(
    await lab.acquireToken({ rps: 10, last: { ...bulk, queuePosition: interactive.queuePosition } }),
  ).toMatchObject({
    decision: 'wait',
  });
  expect(await lab.acquireToken({ rps: 10, interactive: true, last: interactive })).toMatchObject({
    decision: 'granted',
  });
});

test('callers that waited when a pause began queue again behind it instead of all polling at its end', async () => {
  await lab.acquire({ rps: 10 });
  const waiting = [
    await lab.acquireToken({ rps: 10 }),
    await lab.acquireToken({ rps: 10 }),
    await lab.acquireToken({ rps: 10 }),
  ];
  await lab.report('throttled', { pauseMs: 2_000 });
  lab.now += 400;
  const waits: number[] = [];
  for (const last of waiting) waits.push((await lab.acquireToken({ rps: 10, last })).waitMs);
  expect(waits[0]).toBeCloseTo(1_600, 0);
  expect((waits[1] ?? 0) - (waits[0] ?? 0)).toBeGreaterThan(100);
  expect((waits[2] ?? 0) - (waits[1] ?? 0)).toBeGreaterThan(100);
});

test('an endpoint with a limit of its own is subject to both limits and does not delay other endpoints', async () => {
  const slow = { rps: 50, endpointRps: 1, endpoint: 'slow' };
  await lab.acquire(slow);
  expect((await lab.acquireToken(slow)).waitMs).toBeGreaterThan(1_000);
  expect(await lab.acquireToken({ rps: 50, endpoint: 'other' })).toMatchObject({ buckets: 1 });
  const begin = lab.now;
  await lab.acquire({ rps: 50, endpoint: 'other' });
  expect(lab.now - begin).toBeLessThan(100);
});

test('the breaker opens after failures in a row, admits one probe, and stays open longer each time', async () => {
  await lab.acquire({ rps: 50 });
  for (let i = 0; i < 9; i += 1) await lab.report('failed');
  await lab.report('ok');
  for (let i = 0; i < 9; i += 1) await lab.report('failed');
  expect((await lab.acquireToken({ rps: 50 })).decision).not.toBe('circuitOpen');
  await lab.report('failed');
  expect(await lab.acquireToken({ rps: 50 })).toMatchObject({ decision: 'circuitOpen', waitMs: 5_000 });
  await lab.report('failed'); // was in flight when the breaker opened; changes nothing
  await lab.report('ok');
  lab.now += 5_001;
  expect(await lab.acquireToken({ rps: 50 })).toMatchObject({ decision: 'granted', probe: true });
  expect(await lab.acquireToken({ rps: 50 })).toMatchObject({ decision: 'circuitOpen' });
  await lab.report('failed', { probe: true });
  expect(await lab.acquireToken({ rps: 50 })).toMatchObject({ decision: 'circuitOpen', waitMs: 10_000 });
  lab.now += 10_001;
  expect(await lab.acquireToken({ rps: 50 })).toMatchObject({ probe: true });
  lab.now += 36_000; // the process with the probe has died
  expect(await lab.acquireToken({ rps: 50 })).toMatchObject({ probe: true });
  await lab.report('unknown', { probe: true }); // was stopped by its caller
  lab.now += 100;
  expect(await lab.acquireToken({ rps: 50 })).toMatchObject({ probe: true });
  await lab.report('ok', { probe: true });
  lab.now += 100;
  expect(await lab.acquireToken({ rps: 50 })).toMatchObject({ decision: 'granted', probe: false, failures: 0 });
});

function callersAt(at: number, size: number): Waiter[] {
  return Array.from({ length: size }, () => ({ at, interactive: false }));
}

async function rate(): Promise<number> {
  lab.now += 1;
  await lab.acquireToken({ rps: 50 });
  return Number(await redis.hget(`${space.prefix}:upstream:up`, 'factor'));
}
