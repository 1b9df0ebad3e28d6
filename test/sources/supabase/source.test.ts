import { describe, expect, test, vi } from 'vitest';
import type { Json } from '../../../src/plan/json.ts';
import type { Upstream } from '../../../src/plan/upstream.ts';
import { chunkOfIds } from '../../../src/sources/paging.ts';
import { keyHeaders, mapRestError, restUrl, roleOfKey } from '../../../src/sources/supabase/rest.ts';
import { createSupabaseSource, idChunk, settingsOf, windowQuery } from '../../../src/sources/supabase/source.ts';
import { neverAborted } from '../read-pages.ts';

const says = (body: Json): Upstream => ({
  request: async () => ({ status: 200, headers: {}, text: JSON.stringify(body), json: () => body }),
});
const source = (body: Json) => createSupabaseSource({ upstream: says(body), table: 'products', columns: [] });
const behind = (key: string) => ({ kind: 'keyset', after: key, startedAt: '2026-01-01T00:00:00.000Z' });

describe('a refusal', () => {
  test.each([
    [500, '21000', 'data'],
    [409, '23505', 'data'],
    [500, '57014', 'transient'],
    [503, '57P01', 'transient'],
    [503, '53300', 'transient'],
    [500, '40001', 'transient'],
    [504, 'PGRST003', 'transient'],
    [503, 'PGRST002', 'transient'],
    [500, '54001', 'configuration'],
    [400, '42703', 'configuration'],
    [404, 'PGRST205', 'configuration'],
    [401, 'PGRST303', 'configuration'],
    [403, '42501', 'configuration'],
    [400, 'PGRST124', 'configuration'],
  ])('of %i %s is %s', (status, code, expected) => {
    const body = JSON.stringify({ code, message: 'why', details: 'Key (email)=(a@b.c) already exists.', hint: null });
    const error = mapRestError('supabase products', status, body);
    expect(error).toMatchObject({ class: expected, message: `supabase products: ${status} ${code} why` });
  });

  test.each(['', '<html>', '{"message":"Invalid API key"}', '{"code":"what"}', 'null'])(
    '%j leaves it to the status',
    (text) => {
      expect(mapRestError('supabase products', 500, text)).toBeUndefined();
    },
  );
});

describe('an invalid answer', () => {
  test.each<[string, Json]>([
    ['an object', { message: 'hello' }],
    ['a list of numbers', [1, 2]],
  ])('%s', async (_, body) => {
    await expect(source(body).read(null, {}, neverAborted)).rejects.toMatchObject({ code: 'UPSTREAM_BAD_ANSWER' });
  });

  test('rows from before the cursor are refused, because the read would never end', async () => {
    const rows = source([{ id: '8' }, { id: '9' }, { id: '10' }]);
    await expect(rows.read(behind('9'), {}, neverAborted)).rejects.toMatchObject({ code: 'UPSTREAM_BAD_ANSWER' });
    expect((await rows.read(behind('7'), {}, neverAborted)).cursor).toEqual(behind('10'));
    await expect(source([{ id: 'b' }]).read(behind('b'), {}, neverAborted)).rejects.toMatchObject({
      code: 'UPSTREAM_BAD_ANSWER',
    });
  });
});

test('the role of a key is read from it where possible', () => {
  const jwt = (claims: unknown) => `x.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.y`;
  expect(['sb_secret_x', 'sb_publishable_x', jwt({ role: 'anon' }), jwt({}), 'x', undefined].map(roleOfKey)).toEqual([
    'service_role',
    'anon',
    'anon',
    undefined,
    undefined,
    undefined,
  ]);
  expect(keyHeaders(' eyJ.a.b \n')).toEqual({ apikey: 'eyJ.a.b', authorization: 'Bearer eyJ.a.b' });
  expect(keyHeaders('sb_secret_x')).toEqual({ apikey: 'sb_secret_x' });
});

test('the URL may be the project’s or the interface’s', () => {
  const whole = 'https://ref.supabase.co/rest/v1';
  expect(['https://ref.supabase.co', 'https://ref.supabase.co/', whole, `${whole}/ `].map(restUrl)).toEqual(
    Array(4).fill(whole),
  );
});

test('the key and columns that JSON numbers would change are read as text', () => {
  const settings = settingsOf({
    upstream: says([]),
    table: 't',
    columns: ['id', 'price', 'name'],
    numericAsText: ['price'],
  });
  expect(settings.select).toBe('id::text,price::text,name,updated_at');
  expect(settingsOf({ upstream: says([]), table: 't', columns: ['a'], dateColumn: null, key: 'code' }).select).toBe(
    'code::text,a',
  );
});

test('a window begins early, ends exactly, and includes rows without a date', () => {
  const settings = { dateColumn: 'updated_at', overlapMs: 60_000 };
  expect(windowQuery({ since: '2026-01-01T00:01:00Z', until: '2026-02-01T00:00:00Z' }, settings)).toEqual({
    or: '(and(updated_at.gte."2026-01-01T00:00:00.000Z",updated_at.lt."2026-02-01T00:00:00Z"),updated_at.is.null)',
  });
  expect(windowQuery({}, settings)).toEqual({});
  expect(windowQuery({ since: '2026-01-01T00:00:00Z' }, { ...settings, dateColumn: undefined })).toEqual({});
});

test('lists of ids stay below the limit of a URL', () => {
  const ids = Array.from({ length: 500 }, (_, i) => `product-with-a-long-name-${i}`);
  const chunk = chunkOfIds(ids, 0, idChunk(1000));
  expect(chunk.length).toBeGreaterThan(20);
  expect(encodeURIComponent(chunk.map((id) => `"${id}"`).join(',')).length).toBeLessThan(4_000);
  expect(chunkOfIds(['x'.repeat(5_000)], 0, idChunk(10))).toHaveLength(1);
});

test('a date without a zone is UTC, whatever zone the process has', async () => {
  vi.stubEnv('TZ', 'America/New_York');
  const rows = [
    { id: '1', updated_at: '2024-01-05 15:04:00' },
    { id: '2', updated_at: 'yesterday' },
    { id: '3', updated_at: '2024-01-05T15:03:00.5+00:00' },
  ];
  const page = await source(rows).read(null, { strategy: 'full' } as never, neverAborted);
  vi.unstubAllEnvs();
  expect(page.watermark).toBe('2024-01-05T15:04:00.000Z');
});
