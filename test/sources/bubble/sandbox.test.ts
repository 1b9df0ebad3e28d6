import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type BubbleSandbox, startBubbleSandbox } from '../../../src/sandbox/bubble/sandbox.ts';
import type { BubbleSourceOptions } from '../../../src/sources/bubble/settings.ts';
import { createBubbleSource } from '../../../src/sources/bubble/source.ts';
import { createUpstreamFactory } from '../../../src/upstreams/upstream.ts';
import { createRedisSpace } from '../../helpers/redis.ts';
import { shortTimeouts } from '../../upstreams/fleet-member.ts';
import { idsOf, neverAborted, readIds, readPages } from '../read-pages.ts';

type SandboxOptions = NonNullable<Parameters<typeof startBubbleSandbox>[0]>;

const space = createRedisSpace();
let redis: Redis;
let sandbox: BubbleSandbox;

beforeEach(() => {
  redis = new Redis(space.url);
});
afterEach(async () => {
  redis.disconnect();
  await sandbox?.close();
  await space.drop();
});

async function open(options: SandboxOptions, more: Partial<BubbleSourceOptions> = {}, key?: string) {
  sandbox = await startBubbleSandbox(options);
  const factory = createUpstreamFactory({
    redis,
    prefix: space.prefix,
    allowPrivate: true,
    logger: { warn: () => {} },
    defaults: { ...shortTimeouts, breaker: { ...shortTimeouts.breaker, failures: 1_000 } },
  });
  const headers = { authorization: `Bearer ${key ?? sandbox.apiKey}` };
  const upstream = factory({ name: 'bubble', baseUrl: sandbox.url, maxRps: 2_000, headers });
  return createBubbleSource({ upstream, type: ['booking'], ...more });
}

test('every booking is read exactly once, across many walls, and the count agrees', async () => {
  const source = await open({ users: 1_500, wall: 500 }, { wall: 500 });
  const pages = await readPages(source);
  const ids = idsOf(pages);
  expect(ids.length).toBeGreaterThan(3_000);
  expect(ids.sort()).toEqual(sandbox.data.ids('booking').sort());
  expect(await source.count?.({}, neverAborted)).toBe(ids.length);
  const newest = Math.max(...pages.map(({ watermark }) => Date.parse(watermark ?? '')));
  expect(newest).toBeLessThanOrEqual(Date.now());
});

test('an unconfigured wall is passed as well', async () => {
  const source = await open({ users: 600, wall: 300 });
  expect((await readIds(source)).sort()).toEqual(sandbox.data.ids('booking').sort());
});

test.each<[string, NonNullable<SandboxOptions['faults']>]>([
  [
    'faults of the server',
    [
      { fault: 'error', every: 7 },
      { fault: 'unavailable', every: 11 },
    ],
  ],
  ['429s', [{ fault: 'throttle', every: 9, retryAfter: 0.1 }]],
  [
    'spoiled answers',
    [
      { fault: 'truncate', every: 5 },
      { fault: 'html', every: 7 },
    ],
  ],
  [
    'dropped connections',
    [
      { fault: 'drop-before', every: 6 },
      { fault: 'drop-midway', every: 8 },
    ],
  ],
  ['pages clamped to 37', [{ fault: 'clamp', operation: 'list', limit: 37 }]],
  ['pages clamped to 1', [{ fault: 'clamp', operation: 'list', limit: 1, until: 60 }]],
  ['pages served again', [{ fault: 'repeat-page', operation: 'list', every: 3 }]],
  ['rows changed meanwhile', [{ fault: 'modify', operation: 'list', every: 2, count: 3, position: 'before' }]],
])('%s lose and duplicate nothing', async (_, faults) => {
  const source = await open({ users: 500, wall: 400, faults }, { wall: 400 });
  expect((await readIds(source)).sort()).toEqual(sandbox.data.ids('booking').sort());
  expect(sandbox.faults.tally().filter(({ fired }) => fired === 0)).toEqual([]);
});

test.each(['delete', 'insert'] as const)(
  'rows that others %s meanwhile hide and double none of the rest',
  async (fault) => {
    const faults = [{ fault, operation: 'list', every: 2, count: 2, position: 'before' as const }];
    const source = await open({ users: 500, wall: 400, faults }, { wall: 400 });
    const before = sandbox.data.ids('booking');
    const ids = await readIds(source);
    const after = new Set(sandbox.data.ids('booking'));
    expect(new Set(ids).size).toBe(ids.length);
    expect(before.filter((id) => after.has(id) && !ids.includes(id))).toEqual([]);
  },
);

test('a window reads the rows changed in it, a list of ids the rows that exist', async () => {
  const source = await open({ users: 300 });
  const changed = sandbox.data.ids('booking').slice(10, 40);
  const since = new Date(Date.now()).toISOString();
  for (const id of changed) sandbox.data.modify('booking', id, {});
  expect((await readIds(source, null, { since })).sort()).toEqual([...changed].sort());
  expect(await source.count?.({ since }, neverAborted)).toBe(30);
  expect(await readIds(source, null, { ids: ['1700000000000x000000000000000000', ...changed] })).toEqual(changed);
});

test('rows hidden by privacy rules are neither counted nor reported as missing', async () => {
  const source = await open({ users: 300, hiddenShare: 0.2 }, {}, 'sandbox-user-key');
  const ids = await readIds(source);
  expect(ids.length).toBeLessThan(sandbox.data.ids('booking').length);
  expect(await source.count?.({}, neverAborted)).toBe(ids.length);
});

test('a wrong key, an unknown type and an unreachable address have distinct errors', async () => {
  const wrongKey = await open({ users: 10 }, {}, 'wrong-key-canary');
  const refused = { code: 'UPSTREAM_UNAUTHORIZED', message: expect.not.stringContaining('canary') };
  await expect(wrongKey.read(null, {}, neverAborted)).rejects.toMatchObject(refused);
  await sandbox.close();
  const unknown = await open({ users: 10 }, { type: 'wombat' });
  await expect(unknown.read(null, {}, neverAborted)).rejects.toMatchObject({
    code: 'UPSTREAM_NOT_FOUND',
    remedy: expect.stringContaining('user, clientprofile, coachprofile, booking, payment'),
  });
  await sandbox.close();
  await expect(unknown.read(null, {}, neverAborted)).rejects.toMatchObject({ code: 'UPSTREAM_UNREACHABLE' });
});

test('types are found by the names that apps use', async () => {
  const source = await open({ users: 50 }, { type: ['client_profiles'] });
  expect((await readIds(source)).sort()).toEqual(sandbox.data.ids('clientprofile').sort());
});
