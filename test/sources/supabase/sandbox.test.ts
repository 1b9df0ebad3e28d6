import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type startSupabaseSandbox as Start,
  type SupabaseSandbox,
  startSupabaseSandbox,
} from '../../../src/sandbox/supabase/sandbox.ts';
import { keyHeaders, restUrl } from '../../../src/sources/supabase/rest.ts';
import { createSupabaseSource, type SupabaseSourceOptions } from '../../../src/sources/supabase/source.ts';
import { createUpstreamFactory } from '../../../src/upstreams/upstream.ts';
import { createRedisSpace } from '../../helpers/redis.ts';
import { shortTimeouts } from '../../upstreams/fleet-member.ts';
import { idsOf, neverAborted, readIds, readPages } from '../read-pages.ts';

type SandboxOptions = NonNullable<Parameters<typeof Start>[0]>;

const space = createRedisSpace();
let redis: Redis;
let sandbox: SupabaseSandbox;

beforeEach(() => {
  redis = new Redis(space.url);
});
afterEach(async () => {
  redis.disconnect();
  await sandbox?.close();
  await space.drop();
});

const columns = ['name', 'price', 'currency', 'stripe_product_id'];

async function open(
  options: SandboxOptions,
  more: Partial<SupabaseSourceOptions> = {},
  role: keyof SupabaseSandbox['keys'] = 'serviceRoleKey',
) {
  sandbox = await startSupabaseSandbox(options);
  return sourceFor(sandbox.keys[role], more);
}

function sourceFor(apiKey: string, more: Partial<SupabaseSourceOptions> = {}) {
  const factory = createUpstreamFactory({
    redis,
    prefix: space.prefix,
    allowPrivate: true,
    logger: { warn: () => {} },
    defaults: { ...shortTimeouts, breaker: { ...shortTimeouts.breaker, failures: 1_000 } },
  });
  const upstream = factory({
    name: 'supabase',
    baseUrl: restUrl(sandbox.url),
    maxRps: 2_000,
    headers: keyHeaders(apiKey),
  });
  return createSupabaseSource({ upstream, table: 'products', columns, numericAsText: ['price'], apiKey, ...more });
}

test('every product is read exactly once, beyond the silent cap, with all its digits', async () => {
  const source = await open({ products: 3_000, maxRows: 400, price: 'numeric' });
  const pages = await readPages(source);
  expect(idsOf(pages)).toEqual(sandbox.data.ids('products'));
  expect(pages).toHaveLength(9);
  expect(await source.count?.({}, neverAborted)).toBe(3_000);
  const raws = pages.flatMap(({ records }) => records.map(({ raw }) => raw));
  expect(raws.every(({ id, price }) => typeof id === 'string' && (price === null || typeof price === 'string'))).toBe(
    true,
  );
  expect(Object.keys(raws[0] ?? {})).toEqual(['id', ...columns, 'updated_at']);
  const newest = Math.max(...pages.map(({ watermark }) => Date.parse(watermark ?? '1970-01-01')));
  expect(newest).toBeLessThanOrEqual(Date.now());
});

test('reading continues from every cursor', async () => {
  const source = await open({ products: 300, maxRows: 100 });
  const [first, second] = await readPages(source);
  expect(await readIds(source, first?.cursor ?? null)).toEqual(sandbox.data.ids('products').slice(100));
  expect(await readIds(source, second?.cursor ?? null)).toEqual(sandbox.data.ids('products').slice(200));
  await expect(source.read({ kind: 'scan' }, {}, neverAborted)).rejects.toMatchObject({ code: 'CONFIGURATION' });
});

test.each<[string, NonNullable<SandboxOptions['faults']>]>([
  [
    'timeouts and restarts',
    [
      { fault: 'error', code: '57014', every: 5 },
      { fault: 'error', code: '57P01', every: 7 },
    ],
  ],
  [
    'throttling',
    [
      { fault: 'throttle', every: 4, retryAfter: 0.1 },
      { fault: 'unavailable', every: 9, retryAfter: 0.1 },
    ],
  ],
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
  ['pages of seven', [{ fault: 'clamp', limit: 7 }]],
])('%s lose and duplicate nothing', async (_, faults) => {
  const source = await open({ products: 400, maxRows: 20, faults });
  expect(await readIds(source)).toEqual(sandbox.data.ids('products'));
  expect(sandbox.faults.tally().filter(({ fired }) => fired === 0)).toEqual([]);
});

test.each(['before', 'after'] as const)('rows deleted %s the cursor hide none of the rest', async (position) => {
  const faults = [{ fault: 'delete' as const, operation: 'list', every: 2, count: 3, position }];
  const source = await open({ products: 400, maxRows: 20, faults });
  const before = sandbox.data.ids('products');
  const ids = await readIds(source);
  const left = new Set(sandbox.data.ids('products'));
  expect(new Set(ids).size).toBe(ids.length);
  expect(before.filter((id) => left.has(id) && !ids.includes(id))).toEqual([]);
});

test('a window reads the rows changed in it and those without a date', async () => {
  const source = await open({ products: 300, maxRows: 20 });
  const since = new Date(Date.now()).toISOString();
  const changed = sandbox.data.ids('products').slice(10, 40);
  for (const id of changed) sandbox.data.modify('products', id, {});
  sandbox.data.modify('products', '1', { updated_at: null });
  expect(await readIds(source, null, { since })).toEqual(['1', ...changed]);
  expect(await source.count?.({ since }, neverAborted)).toBe(31);
  expect(await readIds(source, null, { until: '2000-01-01T00:00:00.000Z' })).toEqual(['1']);
});

test('a list of ids reads those that exist, in their order, even with invalid ids among them', async () => {
  const source = await open({ products: 300, maxRows: 7 });
  const large = sandbox.manifest.traps['id-beyond-numbers']?.ids[0] ?? '';
  const many = sandbox.data.ids('products').slice(20, 200);
  expect(await readIds(source, null, { ids: [large, '99999', '5', ...many, '5'] })).toEqual([large, '5', ...many]);
  expect(await readIds(source, null, { ids: ['7', 'abc', '"),(', '8'] })).toEqual(['7', '8']);
});

test('an empty table is distinguished from a hidden one', async () => {
  const source = await open({ products: 0 });
  expect(await source.read(null, {}, neverAborted)).toMatchObject({ records: [], cursor: null });
  await sandbox.close();
  for (const role of ['anonKey', 'publishableKey'] as const) {
    const hidden = await open({ products: 50 }, {}, role);
    await expect(hidden.read(null, { since: '2020-01-01T00:00:00Z' }, neverAborted)).rejects.toMatchObject({
      code: 'CONFIGURATION',
      message: 'supabase products: no row can be seen, and the key has the role anon',
      remedy: expect.stringContaining('SUPABASE_SERVICE_ROLE_KEY'),
    });
    await sandbox.close();
  }
  const secret = await open({ products: 50 }, {}, 'secretKey');
  expect(await readIds(secret)).toHaveLength(50);
});

test('a wrong key, an unknown table and an unknown column have distinct errors', async () => {
  const wrong = await open({ products: 5 });
  await expect(sourceFor('wrong-canary').read(null, {}, neverAborted)).rejects.toMatchObject({
    code: 'UPSTREAM_UNAUTHORIZED',
    message: expect.not.stringContaining('canary'),
  });
  await expect(
    sourceFor(sandbox.keys.serviceRoleKey, { table: 'wombats' }).read(null, {}, neverAborted),
  ).rejects.toMatchObject({
    code: 'UPSTREAM_NOT_FOUND',
    message: expect.stringContaining("Could not find the table 'public.wombats'"),
  });
  const column = sourceFor(sandbox.keys.serviceRoleKey, { columns: ['wombat'] });
  await expect(column.read(null, {}, neverAborted)).rejects.toMatchObject({ class: 'configuration' });
  await sandbox.close();
  await expect(wrong.read(null, {}, neverAborted)).rejects.toMatchObject({ code: 'UPSTREAM_UNREACHABLE' });
});
