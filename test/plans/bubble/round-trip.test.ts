import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Migration, startMigration } from '../../helpers/bubble-drover.ts';

// What an export holds is what the API has: a run from the files loads the same rows, whatever the ids look like.

let drover: Migration;
beforeAll(async () => {
  drover = await startMigration(6);
});
afterAll(() => drover.close());

const oddIds = [
  ...['ñandú-7', 'nandu\u0301-8', 'ид 9', '用户@10', 'بائع', 'A/b#c?d', '007', '9912140633506421', 'Ünï çode, "x"'],
  // The e-mail address and the name of another user.
  ...['other@example.com', 'Ana Cruz'],
];

test('an export and a run from it load the same rows as the API, also for ids that look like words', async () => {
  const { data } = drover.sandbox;
  const day = (n: number) => new Date(Date.UTC(2024, 2, n + 1, 15)).toISOString();
  const other = data.insert('user', {
    ...{ name: 'Ana Cruz', type: 'coach', active: true },
    ...{ email: 'other@example.com', authentication: { email: { email: 'other@example.com' } } },
  });
  for (const [n, id] of oddIds.entries()) {
    const email = `odd${n}@example.com`;
    data.insert('user', { _id: id, type: 'seeker', active: true, email, authentication: { email: { email } } });
    data.insert('clientprofile', { _id: `profile ${id}`, user_id: id, first_name: `First ${n}` });
    data.insert('booking', {
      ...{ _id: `б ${id}`, client_user_id: id, coach_user_id: other, session_date: day(n) },
      ...{ duration: 60, booking_status: 'complete' },
    });
    data.insert('payment', {
      ...{
        _id: `π ${id}`,
        booking_ref: `б ${id}`,
        payment_amount: 10 + n,
        currency_code: 'USD',
        payment_status: 'success',
      },
    });
  }

  const rowsOf = async (schema: string) => ({
    profiles: await drover.rows(
      `SELECT u.email, p.first_name FROM ${schema}.client_profiles p JOIN ${schema}.users u ON u.id = p.user_id ORDER BY 1, 2`,
    ),
    sales: await drover.rows(
      `SELECT c.email AS client, k.email AS coach, b.session_datetime, p.amount::text, p.currency, p.status
       FROM ${schema}.bookings b JOIN ${schema}.users c ON c.id = b.client_id JOIN ${schema}.users k ON k.id = b.coach_id
       LEFT JOIN ${schema}.payments p ON p.booking_id = b.id ORDER BY 1, 2, 3, 4`,
    ),
    users: await drover.rows(`SELECT email, role, is_active, email_verified FROM ${schema}.users ORDER BY 1`),
  });
  expect((await drover.run({ targetSchema: 'from_api' })).balanced).toBe(true);
  expect((await drover.run({ exportOnly: true })).status).toBe('completed');
  expect((await drover.run({ targetSchema: 'from_files', params: { skipExport: true } })).balanced).toBe(true);
  const [api, files] = [await rowsOf('from_api'), await rowsOf('from_files')];
  for (const [n] of oddIds.entries()) {
    const client = `odd${n}@example.com`;
    expect(api.sales).toContainEqual(
      expect.objectContaining({ client, coach: 'other@example.com', amount: `${10 + n}.0000` }),
    );
    expect(api.profiles).toContainEqual({ email: client, first_name: `First ${n}` });
  }
  expect(files).toEqual(api);
}, 120_000);
