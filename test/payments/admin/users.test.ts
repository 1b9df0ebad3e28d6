import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AdminService, startAdminService } from './service.ts';

let at: AdminService;
beforeAll(async () => {
  at = await startAdminService();
  // Every third has bookings, every fifth a payment, so that many have no figure at all.
  await at.rows(`INSERT INTO app.users (id, email, first_name, last_name, phone, created_at)
    SELECT app.drover_user_id('u' || n || '@example.com'), 'u' || n || '@example.com', CASE WHEN n % 4 > 0 THEN 'First' || n % 7 END, 'Last' || n % 10,
      '+63 (917) 555-' || lpad(n::text, 4, '0'), CASE WHEN n % 6 > 0 THEN '2025-01-01'::timestamptz + n / 3 * interval '1 day' END
    FROM generate_series(1, 120) n`);
  await at.rows(`INSERT INTO app.bookings (id, "contactDetails", "createdAt")
    SELECT n, jsonb_build_object('email', 'u' || n % 40 * 3 || '@example.com'), '2025-06-01'::timestamptz + n % 17 * interval '1 day' FROM generate_series(1, 200) n WHERE n % 40 > 0`);
  await at.link();
  for (let n = 5; n <= 120; n += 5)
    await at.pay(`R-${n}`, `u${n}@example.com`, (n % 4) * 1_000, n % 2 === 0 ? 'PHP' : 'USD');
  await at.fold();
}, 120_000);
afterAll(() => at.stop());

type User = Record<string, unknown> & { id: string };
const list = async (query: string) =>
  (await at.get(`/users?${query}`)).body as unknown as {
    items: User[];
    nextCursor: string | null;
    previousCursor: string | null;
  };

const sorts = ['name', 'created', 'bookings', 'lastBooking', 'spent&currency=PHP'];
const orders = sorts.flatMap((sort) => ['asc', 'desc'].map((order) => `sort=${sort}&order=${order}`));

test.each(orders)('%s: pages forwards, backwards and from the end are one list', async (query) => {
  const whole = (await list(`${query}&limit=500`)).items.map(({ id }) => id);
  expect(new Set(whole).size).toBe(120);
  const forwards: string[] = [];
  let page = await list(`${query}&limit=7`);
  expect(page.previousCursor).toBe(null);
  for (; ; page = await list(`${query}&limit=7&cursor=${page.nextCursor}`)) {
    forwards.push(...page.items.map(({ id }) => id));
    if (page.nextCursor === null) break;
  }
  expect(forwards).toEqual(whole);
  const backwards: string[] = [];
  let last = await list(`${query}&limit=7&from=end`);
  expect(last.nextCursor).toBe(null);
  for (; ; last = await list(`${query}&limit=7&cursor=${last.previousCursor}`)) {
    backwards.unshift(...last.items.map(({ id }) => id));
    if (last.previousCursor === null) break;
  }
  expect(backwards).toEqual(whole);
});

test('the orders are by the figures that are shown', async () => {
  const values = async (query: string, field: (user: User) => unknown) =>
    (await list(`${query}&limit=500`)).items.map(field);
  const bookings = (await values('sort=bookings', ({ totalBookings }) => totalBookings)) as number[];
  expect(bookings).toEqual([...bookings].sort((a, b) => b - a));
  expect(bookings[0]).toBeGreaterThan(0);
  const spent = (await values('sort=spent&currency=PHP&order=asc', ({ totalSpent }) =>
    Number((totalSpent as Record<string, string>).PHP ?? 0),
  )) as number[];
  expect(spent).toEqual([...spent].sort((a, b) => a - b));
  expect(spent.at(-1)).toBe(2_000);
  const lastBooking = (await values('sort=lastBooking', ({ lastBookingAt }) => lastBookingAt ?? '')) as string[];
  expect(lastBooking).toEqual([...lastBooking].sort().reverse());
});

test.each([
  ['search=irst3 last', 'a part over first and last name'],
  ['search=FIRST2', 'any case'],
  ['search=U77@exam', 'a part of the address'],
  ['search=%2B63 917 555 0042', 'a number in another spelling'],
  ['search=917) 555-0042', 'a number as it is written'],
])('%s finds by %s what a scan finds', async (query) => {
  const wanted = decodeURIComponent(query.slice(7)).toLowerCase();
  const digits = wanted.replace(/\D/g, '');
  const all = (await list('limit=500')).items;
  const expected = all.filter((user) =>
    /^[+\d\s()-]+$/.test(wanted)
      ? String(user.phone).replace(/\D/g, '').includes(digits)
      : `${user.firstName ?? ''} ${user.lastName}\n${user.email}`.toLowerCase().includes(wanted),
  );
  expect(expected.length).toBeGreaterThan(0);
  expect((await list(`${query.replaceAll(' ', '%20')}&limit=500`)).items).toEqual(expected);
});

test('signs of patterns are only signs', async () => {
  expect((await list('search=%25')).items).toEqual([]);
  expect((await list('search=u_7')).items).toEqual([]);
  expect((await list('search=%5C')).items).toEqual([]);
});

test('filters are exact, also before the deltas are folded', async () => {
  await at.pay('NEW', 'u1@example.com', 99_000);
  expect((await list('spentAtLeast=99000&currency=PHP')).items.map(({ email }) => email)).toEqual(['u1@example.com']);
  expect((await list('spentAtLeast=99001&currency=PHP')).items).toEqual([]);
  expect((await list('spentAtLeast=99000&currency=USD')).items).toEqual([]);
  const all = (await list('limit=500')).items;
  for (const has of [true, false])
    expect((await list(`hasBookings=${has}&limit=500`)).items).toEqual(
      all.filter(({ totalBookings }) => Number(totalBookings) > 0 === has),
    );
  const created = (await list('createdSince=2025-01-11T00:00:00Z&createdUntil=2025-01-21T00:00:00Z&limit=500')).items;
  expect(created).toEqual(
    all.filter(
      ({ createdAt }) => createdAt !== null && String(createdAt) >= '2025-01-11' && String(createdAt) < '2025-01-21',
    ),
  );
  expect(created.length).toBeGreaterThan(0);
});

test('a search uses the index of trigrams', async () => {
  const plan = await at.pool.connect();
  try {
    await plan.query('SET enable_seqscan = off');
    const { rows } = await plan.query(
      `EXPLAIN SELECT id FROM app.users u WHERE app.drover_search_text(u.first_name, u.last_name, u.email, u.phone) LIKE '%irst3%'`,
    );
    expect(JSON.stringify(rows)).toContain('users_search');
    await plan.query('RESET enable_seqscan');
  } finally {
    plan.release();
  }
});

test('a user has bookings, payments with their entries, notes and activity, each in pages', async () => {
  const id = await at.idOf('u15@example.com');
  await at.rows(`INSERT INTO app.payment_entries (payment_id, kind, object, amount, currency)
    SELECT id, 'refund', 're_1', -1000, 'USD' FROM app.payments WHERE payment_reference = 'MIGRATED-R-15'`);
  await at.rows(`INSERT INTO app.refunds (payment_id, provider, provider_refund_id, amount, currency, status)
    SELECT id, 'stripe', 're_1', 1000, 'USD', 'succeeded' FROM app.payments WHERE payment_reference = 'MIGRATED-R-15'`);
  const user = (await at.get(`/users/${id}`)).body;
  expect(user).toMatchObject({
    id,
    email: 'u15@example.com',
    totalBookings: 5,
    totalSpent: { USD: '2000' },
    merges: [],
  });
  const payments = (await at.get(`/users/${id}/payments`)).body;
  expect(payments.items).toMatchObject([
    {
      ...{ bookingId: 'R-15', amount: '3000', currency: 'USD', status: 'partially_refunded', disputes: [] },
      entries: [
        { kind: 'charge', amount: '3000' },
        { kind: 'refund', amount: '-1000', object: 're_1' },
      ],
      refunds: [{ id: 're_1', amount: '1000', status: 'succeeded' }],
    },
  ]);
  const seen: unknown[] = [];
  for (let cursor = ''; ; ) {
    const page = (await at.get(`/users/${id}/bookings?limit=2${cursor}`)).body;
    seen.push(...page.items.map((row) => row.id));
    if (page.nextCursor === null) break;
    cursor = `&cursor=${page.nextCursor}`;
  }
  const expected = await at.rows(
    'SELECT id FROM app.bookings WHERE user_id = $1 ORDER BY "createdAt" DESC, id DESC',
    id,
  );
  expect(seen).toEqual(expected.map((row) => row.id));
  const note = await at.post(`/users/${id}/notes`, { body: 'Called.\nWants a receipt.' });
  expect(note).toMatchObject({ status: 201, body: { userId: id, kind: 'note', body: 'Called.\nWants a receipt.' } });
  expect((await at.get(`/users/${id}/notes`)).body.items).toEqual([note.body]);
  const activity = (await at.get(`/users/${id}/activity`)).body.items;
  expect(activity.map(({ kind, amount }) => [kind, amount]).sort()).toEqual([
    ['payment_completed', '3000'],
    ['payment_refunded', '-1000'],
  ]);
  const audit = await at.service.app.inject({
    url: `/api/v1/audit?subject=user:${id}`,
    headers: at.service.as('operator'),
  });
  expect(audit.json().items).toMatchObject([{ action: 'user.note' }]);
  expect(audit.body).not.toContain('receipt');
});

test.each([
  ['/users?sort=spent', 422],
  ['/users?spentAtLeast=5', 422],
  ['/users?sort=age', 400],
  ['/users/00000000-0000-4000-8000-000000000000', 404],
  ['/users/00000000-0000-4000-8000-000000000000/payments', 404],
  ['/users/x', 400],
])('%s is refused with %i', async (path, status) => {
  expect((await at.get(path)).status).toBe(status);
});

test('a cursor of another order is refused by name', async () => {
  const { nextCursor } = await list('sort=name&limit=5');
  expect(await at.get(`/users?sort=created&limit=5&cursor=${nextCursor}`)).toMatchObject({
    status: 422,
    body: { code: 'BAD_REQUEST' },
  });
});
