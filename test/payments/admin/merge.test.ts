import { afterEach, beforeEach, expect, test } from 'vitest';
import { type AdminService, startAdminService } from './service.ts';

let at: AdminService;
let ann: string;
let bob: string;
beforeEach(async () => {
  at = await startAdminService();
  // A table of the owner that no setting names, with two columns for users and a unique key.
  for (let n = 1; n <= 12; n += 1)
    await at.book(n, n % 2 === 0 ? 'ann@example.com' : 'bob@example.com', `2025-01-${10 + n}T00:00:00Z`);
  await at.link();
  await at.rows(
    'CREATE TABLE app.coupons (code text PRIMARY KEY, owner uuid REFERENCES app.users (id), giver uuid REFERENCES app.users (id))',
  );
  await at.rows('CREATE TABLE app.settings (user_id uuid PRIMARY KEY REFERENCES app.users (id), theme text)');
  await at.rows(
    'CREATE TABLE app.labels (user_id uuid REFERENCES app.users (id), label text, PRIMARY KEY (user_id, label))',
  );
  [ann, bob] = [await at.idOf('ann@example.com'), await at.idOf('bob@example.com')];
  for (const [n, email] of ['ann', 'bob', 'ann', 'bob'].entries())
    await at.pay(String(n + 1), `${email}@example.com`, 1_000 * (n + 1));
  await at.rows(`INSERT INTO app.coupons VALUES ('A', $1, $2), ('B', $2, $1), ('C', NULL, $1)`, ann, bob);
  await at.rows(`INSERT INTO app.settings VALUES ($1, 'dark'), ($2, 'light')`, ann, bob);
  await at.rows(`INSERT INTO app.labels VALUES ($1, 'vip'), ($2, 'vip'), ($1, 'late')`, ann, bob);
  await at.post(`/users/${ann}/notes`, { body: 'of Ann' });
}, 120_000);
afterEach(() => at.stop());

const tables = [
  'bookings',
  'users',
  'user_emails',
  'payments',
  'payment_entries',
  'user_notes',
  'user_activity_logs',
  'coupons',
  'settings',
  'labels',
];
/** Every row of every table, and what the statistics say. */
async function state() {
  const all: Record<string, unknown> = {};
  for (const table of tables)
    all[table] = (await at.rows(`SELECT to_jsonb(t) AS row FROM app.${table} t ORDER BY to_jsonb(t)::text`)).map(
      ({ row }) => row,
    );
  all.statistics =
    await at.rows(`SELECT user_id, currency, bookings, spent, first_booking_at, last_booking_at FROM app.user_statistics
    WHERE bookings <> 0 OR spent <> 0 ORDER BY 1, 2`);
  return all;
}
const merge = (from: string, into: string, more: object = {}) =>
  at.post(`/users/${from}/merge`, { into, reason: 'the same person', ...more });
const undo = (id: unknown, more: object = {}) =>
  at.post(`/merges/${id}/undo`, { reason: 'not the same person', ...more });
const owners = (table: string, column: string) =>
  at.rows(`SELECT ${column} AS owner, count(*)::int AS n FROM app.${table} WHERE ${column} IS NOT NULL GROUP BY 1`);

test('a merge keeps every reference, also of tables it was not told of, and undoing it gives the same rows', async () => {
  await at.fold();
  const before = await state();
  const merged = await merge(ann, bob);
  expect(merged).toMatchObject({ status: 200, body: { dryRun: false, userId: ann, into: bob } });
  for (const [table, column] of [
    ['bookings', 'user_id'],
    ['payments', 'user_id'],
    ['payment_entries', 'user_id'],
    ['user_notes', 'user_id'],
    ['user_activity_logs', 'user_id'],
    ['user_emails', 'user_id'],
    ['coupons', 'owner'],
    ['coupons', 'giver'],
  ] as const)
    expect([table, (await owners(table, column)).map(({ owner }) => owner)]).toEqual([table, [bob]]);
  // One user has one row of settings and one label of a name: the merged user keeps what has no place.
  expect(merged.body.tables).toEqual(
    expect.arrayContaining([
      { table: '"app"."settings"', column: 'user_id', moved: 0, kept: 1 },
      { table: '"app"."labels"', column: 'user_id', moved: 1, kept: 1 },
      { table: '"app"."bookings"', column: 'user_id', moved: 6, kept: 0 },
    ]),
  );
  expect(await at.differences()).toEqual([]);
  expect((await at.get(`/users/${bob}`)).body).toMatchObject({
    totalBookings: 12,
    totalSpent: { PHP: '10000' },
    merges: [{ userId: ann, undoneAt: null }],
  });
  expect((await at.get(`/users/${ann}`)).body).toMatchObject({ totalBookings: 0, mergedInto: bob });
  expect((await at.get('/users')).body.items.map(({ id }) => id)).toEqual([bob]);
  expect((await at.get('/users?merged=only')).body.items.map(({ id }) => id)).toEqual([ann]);
  await at.fold();
  expect(await at.differences()).toEqual([]);
  expect(await undo(merged.body.mergeId)).toMatchObject({ status: 200 });
  await at.fold();
  expect(await state()).toEqual(before);
  expect(await at.differences()).toEqual([]);
  const audit = await at.service.app.inject({
    url: `/api/v1/audit?subject=user:${ann}`,
    headers: at.service.as('operator'),
  });
  expect(audit.json().items.map(({ action }: { action: string }) => action)).toEqual([
    'user.merge.undo',
    'user.merge',
    'user.note',
  ]);
  expect(audit.body).not.toContain('example.com');
});

test('a dry run says what would be moved and changes nothing', async () => {
  const before = await state();
  const dry = await merge(ann, bob, { dryRun: true });
  expect(dry.body).toMatchObject({ dryRun: true, mergeId: null });
  expect(await state()).toEqual(before);
  const merged = await merge(ann, bob);
  expect(merged.body.tables).toEqual(dry.body.tables);
  const after = await state();
  expect((await undo(merged.body.mergeId, { dryRun: true })).body.dryRun).toBe(true);
  expect(await state()).toEqual(after);
});

test('rows that came since stay with the survivor, but for those of the merged address and what follows from them', async () => {
  const { body } = await merge(ann, bob);
  await at.book(101, ' Ann@Example.com');
  await at.book(102, 'bob@example.com');
  // Payments find their user by the address.
  await at.pay('101', 'ann@example.com', 500);
  await at.pay('B-101', 'ann@example.com', 600);
  await at.pay('102', 'bob@example.com', 700);
  await at.post(`/users/${bob}/notes`, { body: 'came since' });
  // A refund, since, of a payment that was Ann's before.
  await at.rows(
    `INSERT INTO app.payment_entries (payment_id, kind, object, amount, currency) SELECT id, 'refund', 're_1', -400, 'PHP' FROM app.payments WHERE booking_id = '1'`,
  );
  expect(await at.rows('SELECT DISTINCT user_id FROM app.bookings')).toEqual([{ user_id: bob }]);
  expect((await undo(body.mergeId)).status).toBe(200);
  const of = (id: number) => at.rows('SELECT user_id FROM app.bookings WHERE id = $1', id);
  expect([await of(101), await of(102)]).toEqual([[{ user_id: ann }], [{ user_id: bob }]]);
  expect(await at.rows(`SELECT booking_id FROM app.payments WHERE user_id = $1 ORDER BY 1`, ann)).toEqual([
    { booking_id: '1' },
    { booking_id: '101' },
    { booking_id: '3' },
    { booking_id: 'B-101' },
  ]);
  expect(
    await at.rows(
      `SELECT booking_id FROM app.user_activity_logs WHERE user_id = $1 AND kind = 'payment_refunded'`,
      ann,
    ),
  ).toEqual([{ booking_id: '1' }]);
  expect((await at.get(`/users/${bob}/notes`)).body.items).toMatchObject([{ body: 'came since' }]);
  expect((await at.get(`/users/${ann}`)).body).toMatchObject({
    totalBookings: 7,
    totalSpent: { PHP: '4700' },
    mergedInto: null,
  });
  // And the address is Ann's again.
  await at.book(103, 'ann@example.com');
  expect(await of(103)).toEqual([{ user_id: ann }]);
  await at.fold();
  expect(await at.differences()).toEqual([]);
});

test('a booking of the survivor with the merged address stays, when it was the survivor’s before', async () => {
  await at.rows('UPDATE app.bookings SET user_id = $1 WHERE id = 2', bob);
  await at.fold();
  const before = await state();
  const { body } = await merge(ann, bob);
  await undo(body.mergeId);
  await at.fold();
  expect(await state()).toEqual(before);
});

test('merges in a chain are undone from the last', async () => {
  await at.book(50, 'cid@example.com');
  const cid = await at.idOf('cid@example.com');
  await at.fold();
  const before = await state();
  const first = (await merge(ann, bob)).body.mergeId;
  const second = (await merge(bob, cid)).body.mergeId;
  expect((await at.get(`/users/${ann}`)).body.mergedInto).toBe(cid);
  expect(await undo(first)).toMatchObject({ status: 409, body: { code: 'NOT_ALLOWED_NOW' } });
  expect((await undo(second)).status).toBe(200);
  expect((await undo(first)).status).toBe(200);
  await at.fold();
  expect(await state()).toEqual(before);
  expect((await undo(first)).status).toBe(409);
});

test('a run that writes a row of the merged user again does not take it from the survivor', async () => {
  await merge(ann, bob);
  await at.rows('UPDATE app.payments SET user_id = $1, amount = 1500 WHERE booking_id = $2', ann, '1');
  expect(await at.rows(`SELECT user_id FROM app.payments WHERE booking_id = '1'`)).toEqual([{ user_id: bob }]);
  expect(await at.differences()).toEqual([]);
});

test('bookings that are written while users are merged are never left behind', async () => {
  const stop = new AbortController();
  let next = 1_000;
  const writer = async () => {
    while (!stop.signal.aborted) {
      next += 1;
      await at.book(next, 'ann@example.com');
    }
  };
  const writers = [writer(), writer(), writer()];
  const merged = await merge(ann, bob);
  stop.abort();
  await Promise.all(writers);
  expect(merged.status).toBe(200);
  expect(await at.rows('SELECT DISTINCT user_id FROM app.bookings')).toEqual([{ user_id: bob }]);
  expect(await at.differences()).toEqual([]);
});

test('what cannot be undone is refused, and nothing is changed', async () => {
  await at.rows('CREATE TABLE app.visits (visitor uuid REFERENCES app.users (id), at timestamptz)');
  const before = await state();
  expect(await merge(ann, bob)).toMatchObject({ status: 409, body: { detail: expect.stringContaining('app.visits') } });
  expect(await merge(ann, ann)).toMatchObject({ status: 422 });
  expect(await merge(ann, '00000000-0000-4000-8000-000000000000')).toMatchObject({ status: 404 });
  expect((await at.call('POST', `/users/${ann}/merge`, { into: bob, reason: 'x' }, 'viewer')).status).toBe(403);
  expect(await state()).toEqual(before);
});
