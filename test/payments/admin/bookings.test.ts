import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AdminService, startAdminService } from './service.ts';

let at: AdminService;
let before: Record<string, unknown>[];

/** What the application did, word for word as in its document. */
const oldEndpoint = (bookings: Record<string, unknown>[]) =>
  bookings.map((booking) => {
    const contact = booking.contactDetails as Record<string, unknown>;
    return { ...booking, customerName: `${contact.firstName} ${contact.lastName}`, customerEmail: contact.email };
  });

beforeAll(async () => {
  at = await startAdminService();
  await at.rows(`INSERT INTO app.bookings SELECT n, jsonb_build_object('email', 'P' || n % 50 || '@Example.com', 'firstName', 'Åsa', 'lastName', 'O"N' || n),
    '2025-01-01T00:00:00.123456Z'::timestamptz + n * interval '1 hour', 'Paid', n + 0.10, '2025-03-30 02:30:00', NULL, 'B-' || n, n % 2 = 0, ARRAY['a', NULL, 'ü'], 0.1 + 0.2
    FROM generate_series(1, 2500) n`);
  await at.rows(`INSERT INTO app.bookings (id, "contactDetails", "finalAmount") VALUES (9007199254740993, '{"email": "x@example.com"}', 'NaN'),
    (3000, '{"firstName": null, "extra": {"b": 1, "a": [1.50]}}', NULL)`);
  before = oldEndpoint(await at.rows('SELECT * FROM app.bookings ORDER BY id'));
});
afterAll(() => at.stop());

const whole = async () =>
  (await at.service.app.inject({ url: '/api/admin/bookings', headers: at.service.as('operator') })).body;

test('before the link the old answer is there, with no user', async () => {
  expect(await whole()).toBe(JSON.stringify(before.map((row) => ({ ...row, user: null }))));
});

test('after the link every old field is the same byte for byte, over many pages, and the user is added', async () => {
  await at.link();
  await at.pay('B-1', 'p1@example.com', 12_345);
  const items = JSON.parse(await whole()) as Record<string, unknown>[];
  expect(JSON.stringify(items.map(({ user: _, ...old }) => old))).toBe(JSON.stringify(before));
  expect(items[0]?.user).toEqual({
    id: await at.idOf('p1@example.com'),
    totalBookings: 50,
    totalSpent: { PHP: '12345' },
    firstBookingAt: '2025-01-01T01:00:00.123Z',
    lastBookingAt: '2025-04-13T03:00:00.123Z',
  });
  expect(items.find(({ id }) => id === '3000')?.user).toBe(null);
});

test('a booking whose contact is no object has no name and no address, and text that holds one is read', async () => {
  await at.rows(
    `INSERT INTO app.bookings (id, "contactDetails") VALUES (4001, NULL), (4002, '[1]'), (4003, $1)`,
    JSON.stringify('{"email":"t@example.com","firstName":"T","lastName":"U"}'),
  );
  const { body } = await at.get(`/bookings?limit=3&cursor=${Buffer.from('["","4000"]').toString('base64url')}`);
  expect(
    (body as unknown as Record<string, unknown>[]).map(({ customerName, customerEmail }) => [
      customerName,
      customerEmail,
    ]),
  ).toEqual([
    [null, null],
    [null, null],
    ['T U', 't@example.com'],
  ]);
  await at.rows('DELETE FROM app.bookings WHERE id BETWEEN 4001 AND 4003');
});

test('with a limit it is read in pages that a header links, to the same rows', async () => {
  const seen: string[] = [];
  const page = (url: string) => at.service.app.inject({ url, headers: at.service.as('operator') });
  for (let url: string | undefined = '/api/admin/bookings?limit=400'; url !== undefined; ) {
    const answer: Awaited<ReturnType<typeof page>> = await page(url);
    expect(answer.statusCode).toBe(200);
    seen.push(...(answer.json() as { id: string }[]).map(({ id }) => id));
    url = /<([^>]+)>; rel="next"/.exec(String(answer.headers.link))?.[1];
  }
  expect(seen).toEqual(before.map(({ id }) => id));
});

test.each([
  ['/bookings?limit=0', 400],
  ['/bookings?cursor=bm8', 422],
  [`/bookings?cursor=${Buffer.from('["",5]').toString('base64url')}`, 422],
  ['/bookings?targetSchema=other', 404],
])('%s is refused with %i', async (path, status) => {
  expect((await at.get(path)).status).toBe(status);
});

test('viewers do not see it: it is personal data', async () => {
  expect((await at.call('GET', '/bookings', undefined, 'viewer')).status).toBe(403);
});
