import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type SupabaseSandbox, startSupabaseSandbox } from '../../../src/sandbox/supabase/sandbox.ts';

let sandbox: SupabaseSandbox;

beforeEach(async () => {
  sandbox = await startSupabaseSandbox({
    products: 60,
    dirt: 0,
    maxRows: 25,
    tables: {
      things: {
        columns: {
          id: 'bigint',
          email: 'text',
          price: 'numeric',
          at: 'timestamp with time zone',
          tags: 'text[]',
          extra: 'jsonb',
        },
        unique: ['email'],
        rows: [
          {
            id: '9007199254740993',
            email: 'a@b.c',
            price: '19.90',
            at: '2024-01-05T15:04:00.123456Z',
            tags: ['x', 'y z'],
            extra: { a: { b: 1 } },
          },
          { id: 2, email: null, price: '100000000000000.01', at: '2023-10-18 05:37:59.611+02', tags: [], extra: null },
        ],
      },
    },
  });
});
afterEach(() => sandbox.close());

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
  readonly body: unknown;
}

async function ask(
  path: string,
  init: RequestInit & { headers?: Record<string, string> } = {},
  key?: string,
): Promise<Answer> {
  const apikey = key ?? sandbox.keys.serviceRoleKey;
  const headers = { apikey, authorization: `Bearer ${apikey}`, ...init.headers };
  const answer = await fetch(`${sandbox.url}/rest/v1/${path}`, { ...init, headers });
  const text = await answer.text();
  return { status: answer.status, text, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) };
}

const write = (method: string, path: string, value: unknown, prefer = '', key?: string) =>
  ask(path, { method, body: JSON.stringify(value), headers: { 'content-type': 'application/json', prefer } }, key);
const count = { headers: { prefer: 'count=exact' } };
const ids = ({ body }: Answer) => (body as { id: number }[]).map(({ id }) => id);

describe('values', () => {
  it('are printed as PostgREST prints them', async () => {
    const { text } = await ask('things?order=id.desc&limit=1');
    expect(text).toBe(
      '[{"id":9007199254740993,"email":"a@b.c","price":19.90,"at":"2024-01-05T15:04:00.123456+00:00","tags":["x","y z"],"extra":{"a":{"b":1}}}]',
    );
    const second = (await ask('things?id=eq.2')).text;
    expect(second).toContain('"price":100000000000000.01,"at":"2023-10-18T03:37:59.611+00:00"');
  });

  it('keep all digits when cast to text', async () => {
    const { body } = await ask('things?select=key:id::text,price::text,at::text,tags::text,a:extra->a->>b&id=gt.2');
    expect(body).toEqual([
      { key: '9007199254740993', price: '19.90', at: '2024-01-05 15:04:00.123456+00', tags: '{x,"y z"}', a: '1' },
    ]);
  });
});

describe('filters', () => {
  it.each([
    ['id=eq.7', [7]],
    ['id=in.(3,5,9999)&order=id.desc', [5, 3]],
    ['id=gt.58', [59, 60]],
    ['id=gte.58&id=lt.60', [58, 59]],
    ['or=(id.eq.1,and(id.gte.4,id.lte.5))', [1, 4, 5]],
    ['id=lte.3&not.or=(id.eq.1,id.eq.2)', [3]],
    ['id=lt.4&name=not.is.null', [1, 2, 3]],
    ['deleted_at=not.is.null', []],
    ['id=lt.3&stripe_product_id=is.null', [1, 2]],
    ['stripe_product_id=neq.x', []],
    ['sku=in.("SKU-000004",SKU-000005)', [4, 5]],
    ['sku=ilike.sku*06', [6]],
    ['id=lt.5&metadata->>colour=not.eq.purple', [1, 2, 3, 4]],
  ])('%s', async (query, expected) => {
    expect(ids(await ask(`products?select=id&${query}`))).toEqual(expected);
  });

  it.each([
    ['products?id=eq.x', 400, '22P02'],
    ['products?wombat=eq.1', 400, '42703'],
    ['products?id=wombat.1', 400, 'PGRST100'],
    ['products?select=wombat', 400, '42703'],
    ['products?select=prices(*)', 400, 'PGRST200'],
    ['wombats', 404, 'PGRST205'],
    ['rpc/wombat', 404, 'PGRST125'],
  ])('%s is answered %i %s', async (path, status, code) => {
    const answer = await ask(path);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ code, message: expect.any(String) });
  });
});

describe('pages', () => {
  it('are truncated at maxRows without an error', async () => {
    const page = await ask('products?order=id&limit=1000');
    expect([page.status, ids(page).length, page.headers.get('content-range')]).toEqual([200, 25, '0-24/*']);
    const next = await ask('products?order=id&id=gt.25&limit=1000', count);
    expect([next.status, ids(next)[0], next.headers.get('content-range')]).toEqual([206, 26, '0-24/35']);
    expect((await ask('products?id=gt.60')).headers.get('content-range')).toBe('*/*');
  });

  it('beyond the last row are answered 416 only with a count', async () => {
    expect((await ask('products?offset=100')).status).toBe(200);
    const beyond = await ask('products?offset=100', count);
    expect([beyond.status, beyond.body]).toMatchObject([
      416,
      { code: 'PGRST103', details: 'An offset of 100 was requested, but there are only 60 rows.' },
    ]);
    const ranged = await ask('products?select=id&order=id&limit=2', {
      headers: { range: '10-14', 'range-unit': 'items' },
    });
    expect(ids(ranged)).toEqual([11, 12, 13, 14, 15]);
  });

  it('can be counted without rows', async () => {
    const head = await ask('products', { method: 'HEAD', headers: { prefer: 'count=exact' } });
    expect([head.status, head.text, head.headers.get('content-range')]).toEqual([206, '', '0-24/60']);
    expect((await ask('products?limit=0', count)).headers.get('content-range')).toBe('*/60');
    expect((await ask('products?id=gt.60', count)).headers.get('content-range')).toBe('*/0');
  });
});

describe('writes', () => {
  it('by PATCH change the rows that meet the filters, all rows without filters', async () => {
    const changes = { sync_status: 'synced', stripe_product_id: 'cms_1' };
    const one = await write('PATCH', 'products?id=eq.1&select=id,sync_status', changes, 'return=representation');
    expect([one.status, one.body]).toEqual([200, [{ id: 1, sync_status: 'synced' }]]);
    expect((await write('PATCH', 'products?id=eq.999', changes, 'return=representation')).body).toEqual([]);
    expect((await write('PATCH', 'products?id=eq.2', changes)).status).toBe(204);
    const guarded = await write('PATCH', 'products', changes, 'handling=strict, max-affected=1');
    expect([guarded.status, guarded.body]).toMatchObject([
      400,
      { code: 'PGRST124', details: 'The query affects 60 rows' },
    ]);
    expect(sandbox.data.get('products', '3')?.sync_status).toBe('pending');
    await write('PATCH', 'products', changes);
    expect(sandbox.data.get('products', '3')?.sync_status).toBe('synced');
    expect(sandbox.journal.entries()[0]?.touched).toEqual(['1']);
    expect((await write('PATCH', 'products?id=eq.1', { wombat: 1 })).body).toMatchObject({ code: 'PGRST204' });
    expect((await write('PATCH', 'products?id=eq.1', {}, 'handling=strict, wombat=1')).body).toMatchObject({
      code: 'PGRST122',
    });
  });

  it('set updated_at with the trigger', async () => {
    sandbox.settings.touch = 1;
    const before = sandbox.data.get('products', '1')?.updated_at;
    await write('PATCH', 'products?id=eq.1', { sync_status: 'synced' });
    expect(sandbox.data.get('products', '1')?.updated_at).not.toBe(before);
  });

  it('by POST insert, conflict and merge', async () => {
    const made = await write(
      'POST',
      'things',
      [
        { id: 5, email: 'x@y.z' },
        { id: 6, email: 'q@y.z' },
      ],
      'return=representation',
    );
    expect([made.status, ids(made)]).toEqual([201, [5, 6]]);
    const twice = await write('POST', 'things', { id: 7, email: 'x@y.z' });
    expect([twice.status, twice.body]).toMatchObject([
      409,
      { code: '23505', details: 'Key (email)=(x@y.z) already exists.' },
    ]);
    const merged = await write(
      'POST',
      'things?on_conflict=email',
      [{ email: 'x@y.z', price: 3 }],
      'resolution=merge-duplicates,return=representation',
    );
    expect([merged.status, merged.body]).toMatchObject([200, [{ id: 5, price: 3 }]]);
    const same = [{ email: 'n@y.z' }, { email: 'n@y.z' }];
    const cardinality = await write('POST', 'things?on_conflict=email', same, 'resolution=merge-duplicates');
    expect([cardinality.status, cardinality.body]).toMatchObject([500, { code: '21000' }]);
    const partly = await write('POST', 'things', [
      { id: 8, email: 'new@y.z' },
      { id: 9, email: 'x@y.z' },
    ]);
    expect([partly.status, sandbox.data.get('things', '8')]).toEqual([409, undefined]);
    expect((await write('POST', 'things', [{ id: 8 }, { id: 9, email: null }])).body).toMatchObject({
      code: 'PGRST102',
    });
  });

  it('by POST use only the given columns, quoted or not', async () => {
    const rows = [
      { id: 1, name: 'One', sku: 'x' },
      { id: 99, name: 'New' },
    ];
    const prefer = 'resolution=merge-duplicates,return=representation';
    const put = await write('POST', 'products?columns="id","name"&select=id,name', rows, prefer);
    expect([put.status, put.body]).toEqual([
      201,
      [
        { id: 1, name: 'One' },
        { id: 99, name: 'New' },
      ],
    ]);
    expect(sandbox.data.get('products', '1')?.sku).not.toBe('x');
  });

  it('by DELETE remove the rows that meet the filters', async () => {
    expect((await ask('products?id=lte.10', { method: 'DELETE' })).status).toBe(204);
    expect(sandbox.data.counts().products).toBe(50);
  });
});

describe('one object', () => {
  it('is answered without an array, or 406 when there is not exactly one', async () => {
    const headers = { accept: 'application/vnd.pgrst.object+json' };
    expect((await ask('products?select=id&id=eq.4', { headers })).body).toEqual({ id: 4 });
    expect(await ask('products?id=eq.999', { headers })).toMatchObject({ status: 406, body: { code: 'PGRST116' } });
  });
});

describe('keys', () => {
  it('are required and must belong to the project', async () => {
    const bare = await fetch(`${sandbox.url}/rest/v1/products`);
    expect([bare.status, await bare.json()]).toMatchObject([401, { message: 'No API key found in request' }]);
    expect(await ask('products', {}, 'wrong')).toMatchObject({ status: 401, body: { message: 'Invalid API key' } });
    const forged = { headers: { authorization: 'Bearer a.b.c' } };
    expect(await ask('products', forged)).toMatchObject({ status: 401, body: { code: 'PGRST301' } });
  });

  it('of anon read and change nothing, without an error', async () => {
    const { anonKey, publishableKey } = sandbox.keys;
    expect(await ask('products', count, anonKey)).toMatchObject({ status: 200, body: [] });
    expect((await ask('products', count, anonKey)).headers.get('content-range')).toBe('*/0');
    expect((await write('PATCH', 'products', { name: 'x' }, '', anonKey)).status).toBe(204);
    expect(sandbox.data.get('products', '1')?.name).not.toBe('x');
    expect(await write('POST', 'products', { id: 99 }, '', anonKey)).toMatchObject({
      status: 401,
      body: { code: '42501' },
    });
    const fresh = await fetch(`${sandbox.url}/rest/v1/products`, { headers: { apikey: publishableKey } });
    expect(await fresh.json()).toEqual([]);
    const secret = await fetch(`${sandbox.url}/rest/v1/products?limit=1`, {
      headers: { apikey: sandbox.keys.secretKey },
    });
    expect(await secret.json()).toHaveLength(1);
  });
});

describe('faults', () => {
  it('have the error codes of PostgreSQL', async () => {
    sandbox.faults.set([
      { fault: 'error', code: '57014', nth: 1 },
      { fault: 'error', code: '53300', nth: 2 },
      { fault: 'error', code: 'PGRST003', nth: 3 },
      { fault: 'error-after', code: '57P01', nth: 4 },
    ]);
    const seen = [await ask('products'), await ask('products'), await ask('products')];
    expect(seen.map(({ status }) => status)).toEqual([500, 503, 504]);
    const late = await write('PATCH', 'products?id=eq.1', { name: 'changed' });
    expect(late).toMatchObject({ status: 503, body: { code: '57P01' } });
    expect(sandbox.data.get('products', '1')?.name).toBe('changed');
  });

  it('shorten pages and change rows between them', async () => {
    sandbox.faults.set([
      { fault: 'clamp', limit: 4 },
      { fault: 'delete', position: 'after', nth: 2 },
    ]);
    expect(ids(await ask('products?order=id'))).toEqual([1, 2, 3, 4]);
    await ask('products?order=id&id=gt.4');
    expect(Number(sandbox.journal.entries()[1]?.touched?.[0])).toBeGreaterThan(4);
  });
});
