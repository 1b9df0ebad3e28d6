import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BubbleSandbox, startBubbleSandbox } from '../../../src/sandbox/bubble/sandbox.ts';

type Thing = Record<string, unknown> & { _id: string };
type Page = { cursor: number; results: Thing[]; count: number; remaining?: number };

let sandbox: BubbleSandbox;

beforeAll(async () => {
  sandbox = await startBubbleSandbox({ users: 500, seed: 11 });
});
afterAll(() => sandbox.close());

function call(path: string, init: RequestInit = {}, key = sandbox.apiKey): Promise<Response> {
  return fetch(sandbox.url + path, { ...init, headers: { authorization: `Bearer ${key}`, ...init.headers } });
}

async function list(type: string, params: Record<string, unknown> = {}, key = sandbox.apiKey): Promise<Page> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    query.set(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
  }
  const answer = await call(`/obj/${type}?${query}`, {}, key);
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { response: Page }).response;
}

async function all(type: string, params: Record<string, unknown> = {}, key = sandbox.apiKey): Promise<Thing[]> {
  const things: Thing[] = [];
  for (;;) {
    const page = await list(type, { ...params, cursor: things.length }, key);
    things.push(...page.results);
    if (page.remaining === 0) return things;
  }
}

const where = (key: string, constraint_type: string, value?: unknown) => ({ key, constraint_type, value });

describe('lists', () => {
  it('limits a page to 100 things and counts the remaining ones', async () => {
    const page = await list('booking', { limit: 1000 });
    expect(page).toMatchObject({ cursor: 0, count: 100, remaining: 1100 });
    expect(page.results).toHaveLength(100);
    expect(await list('booking', { cursor: 1195 })).toMatchObject({ cursor: 1195, count: 5, remaining: 0 });
    expect(await list('booking', { cursor: 5000 })).toMatchObject({ results: [], count: 0, remaining: 0 });
  });

  it('returns every thing exactly once when read to the last page', async () => {
    const ids = (await all('payment')).map(({ _id }) => _id);
    expect(ids).toHaveLength(1000);
    expect(new Set(ids)).toEqual(new Set(sandbox.data.ids('payment')));
  });

  it('omits the remaining count with exclude_remaining', async () => {
    expect(await list('user', { limit: 1, exclude_remaining: true })).not.toHaveProperty('remaining');
  });

  it('omits empty fields instead of sending nulls', async () => {
    for (const thing of await all('coachprofile')) {
      for (const value of Object.values(thing)) expect(value).not.toSatisfy((v) => v === null || v === '');
    }
  });

  it('sorts by several fields', async () => {
    const sort = { sort_field: 'Created Date', additional_sort_fields: [{ sort_field: '_id', descending: false }] };
    const rows = await all('user', sort);
    const keys = rows.map((row) => `${row['Created Date']} ${row._id}`);
    expect(keys).toEqual([...keys].sort());
    const backwards = await all('user', { sort_field: '_id', descending: true });
    expect(backwards.map(({ _id }) => _id)).toEqual(
      rows
        .map(({ _id }) => _id)
        .sort()
        .reverse(),
    );
  });

  it('shuffles with _random_sorting', async () => {
    const random = await list('user', { sort_field: '_random_sorting' });
    expect(random.results.map(({ _id }) => _id)).not.toEqual((await list('user')).results.map(({ _id }) => _id));
  });
});

describe('constraints', () => {
  it('are combined with AND; date bounds are exclusive', async () => {
    const bookings = await all('booking', { sort_field: 'Created Date' });
    const pivot = bookings[600]?.['Created Date'];
    const constraints = [where('Created Date', 'greater than', pivot), where('booking_status', 'equals', 'completed')];
    const found = await all('booking', { constraints });
    const expected = bookings.filter(
      (row) => String(row['Created Date']) > String(pivot) && row.booking_status === 'completed',
    );
    expect(found.map(({ _id }) => _id).sort()).toEqual(expected.map(({ _id }) => _id).sort());
  });

  it('may use the path of the sign-in address', async () => {
    const users = (await all('user')) as (Thing & { authentication?: { email?: { email: string } } })[];
    const user = users.find((row) => row.authentication?.email !== undefined);
    const address = user?.authentication?.email?.email;
    const found = await list('user', { constraints: [where('authentication.email.email', 'equals', address)] });
    expect(found.results.map(({ _id }) => _id)).toContain(user?._id);
  });

  it.each([
    ['is_empty', where('password', 'is_empty'), (row: Thing) => row.password === undefined],
    ['not empty', where('password', 'not empty'), (row: Thing) => row.password !== undefined],
    ['not equal', where('type', 'not equal', 'seeker'), (row: Thing) => row.type !== 'seeker'],
    ['in', where('type', 'in', ['coach', 'wizard']), (row: Thing) => ['coach', 'wizard'].includes(String(row.type))],
    ['not in', where('type', 'not in', ['coach']), (row: Thing) => row.type !== 'coach'],
    ['text contains', where('type', 'text contains', 'COACH'), (row: Thing) => /coach/i.test(String(row.type))],
    [
      'not text contains',
      where('type', 'not text contains', 'seek'),
      (row: Thing) => !/seek/i.test(String(row.type ?? '')),
    ],
    [
      'less than',
      where('Created Date', 'less than', '2023-01-01T00:00:00Z'),
      (row: Thing) => String(row['Created Date']) < '2023',
    ],
  ])('%s', async (_name, constraint, matches) => {
    const found = (await all('user', { constraints: [constraint] })).map(({ _id }) => _id).sort();
    const expected = (await all('user')).filter(matches).map(({ _id }) => _id);
    expect(found).toEqual(expected.sort());
    expect(found.length).toBeGreaterThan(0);
  });

  it('match items of lists', async () => {
    const found = await all('coachprofile', { constraints: [where('languages_spoken', 'contains', 'English')] });
    expect(found.length).toBeGreaterThan(0);
    for (const row of found) expect(row.languages_spoken).toContain('English');
  });
});

describe('the wall', () => {
  it('answers 200 with an empty page and a remaining count', async () => {
    sandbox.settings.wall = 300;
    try {
      expect(await list('booking', { cursor: 200 })).toMatchObject({ count: 100, remaining: 900 });
      expect(await list('booking', { cursor: 201 })).toMatchObject({ results: [], count: 0, remaining: 999 });
    } finally {
      sandbox.settings.wall = 50_000;
    }
  });
});

describe('a keyset scan', () => {
  // A client passes the wall by starting again at the second-last distinct date and skipping known ids, because of equal dates.
  it('reads all things beyond a low wall', async () => {
    sandbox.settings.wall = 200;
    try {
      const seen = new Set<string>();
      let after = '1970-01-01T00:00:00.000Z';
      const sorting = {
        sort_field: 'Created Date',
        additional_sort_fields: [{ sort_field: '_id', descending: false }],
      };
      while (seen.size < 1200) {
        const constraints = [where('Created Date', 'greater than', after)];
        const pages = [await list('booking', { ...sorting, constraints })];
        if (pages[0]?.remaining) pages.push(await list('booking', { ...sorting, constraints, cursor: 100 }));
        const rows = pages.flatMap(({ results }) => results);
        const before = seen.size;
        for (const { _id } of rows) seen.add(_id);
        expect(seen.size).toBeGreaterThan(before);
        const dates = [...new Set(rows.map((row) => String(row['Created Date'])))];
        after = dates.at(-2) ?? after;
      }
      expect(seen).toEqual(new Set(sandbox.data.ids('booking')));
    } finally {
      sandbox.settings.wall = 50_000;
    }
  });
});

describe('errors', () => {
  it.each([
    ['a wrong key', '/obj/user', 'unknown-key', 401],
    ['an unknown type', '/obj/wizard', undefined, 404],
    ['an unknown thing', '/obj/user/1708327130811x106027240349761540', undefined, 404],
    ['an unknown sort field', '/obj/user?sort_field=foo', undefined, 400],
    [
      'an unknown constraint field',
      '/obj/user?constraints=[{"key":"foo","constraint_type":"is_empty"}]',
      undefined,
      400,
    ],
    ['an unknown constraint type', '/obj/user?constraints=[{"key":"type","constraint_type":">="}]', undefined, 400],
    ['constraints that are not JSON', '/obj/user?constraints=oops', undefined, 400],
    ['a cursor that is not an offset', '/obj/user?cursor=abc', undefined, 400],
  ])('%s', async (_name, path, key, status) => {
    const answer = await call(path, {}, key);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ statusCode: status, body: { message: expect.any(String) } });
  });

  it('name the unknown field and the missing thing', async () => {
    const field = await (await call('/obj/user?sort_field=foo')).json();
    expect(field).toEqual({ statusCode: 400, body: { status: 'ERROR', message: 'Unrecognized field: foo' } });
    const missing = await (await call('/obj/booking/1x2')).json();
    const message = 'Missing object of type booking: object with id 1x2 does not exist';
    expect(missing).toEqual({ statusCode: 404, body: { status: 'MISSING_DATA', message } });
  });
});

describe('privacy', () => {
  it('hides a share of things from the user token, in lists and by id, and nothing from the admin token', async () => {
    sandbox.settings.hiddenShare = 0.2;
    try {
      const seen = await all('user', {}, sandbox.userKey);
      expect(seen.length).toBeGreaterThan(350);
      expect(seen.length).toBeLessThan(450);
      expect(await all('user')).toHaveLength(500);
      const hidden = sandbox.data.ids('user').find((id) => seen.every(({ _id }) => _id !== id));
      expect((await call(`/obj/user/${hidden}`, {}, sandbox.userKey)).status).toBe(404);
      expect((await call(`/obj/user/${hidden}`)).status).toBe(200);
    } finally {
      sandbox.settings.hiddenShare = 0;
    }
  });
});

describe('writes', () => {
  const json = (method: string, body?: unknown) => ({
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

  it('create, change, reset and delete a thing', async () => {
    const made = await call('/obj/payment', json('POST', { payment_amount: 12.5, currency_code: 'EUR' }));
    expect(made.status).toBe(201);
    const { id, status } = (await made.json()) as { id: string; status: string };
    expect([status, id]).toEqual(['success', expect.stringMatching(/^\d{13}x\d{18}$/)]);
    expect((await call(`/obj/payment/${id}`, json('PATCH', { currency_code: 'USD' }))).status).toBe(204);
    expect(sandbox.data.get('payment', id)).toMatchObject({ payment_amount: 12.5, currency_code: 'USD' });
    expect((await call(`/obj/payment/${id}`, json('PUT', { currency_code: 'JPY' }))).status).toBe(204);
    expect(sandbox.data.get('payment', id)).not.toHaveProperty('payment_amount');
    expect((await call(`/obj/payment/${id}`, json('DELETE'))).status).toBe(204);
    expect((await call(`/obj/payment/${id}`)).status).toBe(404);
  });

  it('answer 200 to a bulk request of which some lines failed', async () => {
    const body = '{"payment_amount":1}\n{"foo":1}\nnot json\n';
    const answer = await call('/obj/payment/bulk', { method: 'POST', body, headers: { 'content-type': 'text/plain' } });
    expect(answer.status).toBe(200);
    const lines = (await answer.text()).split('\n').map((line) => JSON.parse(line) as { status: string; id?: string });
    expect(lines.map(({ status }) => status)).toEqual(['success', 'error', 'error']);
    sandbox.data.delete('payment', lines[0]?.id ?? '');
  });

  it('reject an unknown field', async () => {
    expect((await call('/obj/payment', json('POST', { wizard: 1 }))).status).toBe(400);
  });
});

describe('meta', () => {
  it('names the exposed types', async () => {
    const meta = (await (await call('/meta')).json()) as { get: string[] };
    expect(meta.get).toEqual(['user', 'clientprofile', 'coachprofile', 'booking', 'payment']);
  });
});
