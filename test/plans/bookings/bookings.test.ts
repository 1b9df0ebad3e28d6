import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { userIdOf } from '../../../src/plans/bookings/people.ts';
import { personId } from '../../../src/plans/bookings/people-source.ts';
import { createDatabase, type TestDatabase } from '../../helpers/database.ts';
import { type Drover, operator, startDrover } from '../../helpers/drover.ts';

interface Booking {
  readonly id: number;
  readonly contact?: unknown;
  readonly at?: string;
  readonly status?: string | null;
  readonly amount?: string | null;
  readonly paidAt?: string | null;
  readonly method?: string | null;
  readonly reference?: string | null;
}

const tableSql = (schema: string) => `CREATE TABLE ${schema}.bookings (id int PRIMARY KEY, "contactDetails" jsonb,
  "createdAt" timestamptz NOT NULL, status text, "finalAmount" numeric(10,2), "paymentDate" timestamptz, "paymentMethod" text,
  "bookingReference" text)`;

const ann = { email: 'ann@example.com', firstName: 'Ann', lastName: 'Lee', phone: '1', company: 'Acme' };
/** Its dirt: spellings of one address, texts that hold JSON, statuses in any case, missing and unreadable values. */
const bookings: readonly Booking[] = [
  { id: 1, contact: ann, at: '2024-01-01T00:00:00Z', status: 'PAID', amount: '100.00', paidAt: '2024-01-02T00:00:00Z' },
  {
    ...{ id: 2, at: '2024-03-01T00:00:00Z', status: ' Completed', amount: '50.5', method: 'gcash', reference: 'B-2' },
    contact: JSON.stringify({ ...ann, email: ' ANN@Example.com\u200b', phone: '2', company: '' }),
  },
  {
    ...{ id: 3, at: '2024-02-01T00:00:00Z', status: 'attended', amount: '0', reference: 'B-3' },
    contact: JSON.stringify(JSON.stringify({ ...ann, firstName: 'Anne' })),
  },
  { id: 4, contact: { email: 'bo+x@example.com', firstName: 'Bo' }, at: '2024-01-05T00:00:00Z', status: 'No-Show' },
  { id: 5, contact: { firstName: 'Cy' }, at: '2024-01-06T00:00:00Z', status: 'PAID', amount: '7', reference: 'B-5' },
  { id: 6, contact: { email: 'not an address' }, at: '2024-01-07T00:00:00Z', status: 'PENDING' },
  { id: 7, contact: 'no { json', at: '2024-01-08T00:00:00Z', status: 'CANCELLED' },
  { id: 8, contact: ann, at: '2024-01-09T00:00:00Z', status: 'SETTLED', amount: '9' },
  { id: 9, contact: ann, at: '2024-01-10T00:00:00Z', status: 'PAID', amount: null, reference: 'B-9' },
  { id: 10, contact: null, at: '2024-01-10T00:00:00Z', status: 'pending' },
];

async function fill(client: pg.Client, schema: string): Promise<void> {
  await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}; ${tableSql(schema)}`);
  for (const { id, contact, at, status, amount, paidAt, method, reference } of bookings) {
    const values = [id, JSON.stringify(contact ?? null), at, status, amount, paidAt, method, reference];
    await client.query(`INSERT INTO ${schema}.bookings VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, values);
  }
}

describe.each(['the same database', 'another database'])('bookings in %s', (place) => {
  let source: TestDatabase;
  let drover: Drover;
  let sourceUrl: string;
  const targetSchema = 'app';
  const inSource = async (text: string) => {
    const client = new pg.Client(sourceUrl);
    await client.connect();
    await client.query(text).finally(() => client.end());
  };

  beforeAll(async () => {
    source = await createDatabase();
    drover = await startDrover('bookings', (databaseUrl) => {
      sourceUrl = place === 'the same database' ? databaseUrl : source.url;
      return { SOURCE_DATABASE_URL: sourceUrl };
    });
    const client = new pg.Client(sourceUrl);
    await client.connect();
    try {
      await fill(client, targetSchema);
    } finally {
      await client.end();
    }
  });
  afterAll(async () => {
    await drover.close();
    await source.drop();
  });

  const run = (params: object = {}) =>
    drover.run({
      targetSchema,
      strategy: 'full',
      params: { table: `${targetSchema}.bookings`, currency: 'PHP', ...params },
    });

  it('become one user for each address: the earliest date, of each field what the newest booking says', async () => {
    const done = await run();
    expect(done).toMatchObject({ status: 'completed_with_failures' });
    expect(
      await drover.rows('SELECT id, email, first_name, last_name, phone, company_name FROM app.users ORDER BY email'),
    ).toEqual([
      {
        ...{ id: userIdOf('ann@example.com'), email: 'ann@example.com', first_name: 'Ann', last_name: 'Lee' },
        ...{ phone: '2', company_name: 'Acme' },
      },
      {
        ...{ id: userIdOf('bo+x@example.com'), email: 'bo+x@example.com', first_name: 'Bo', last_name: null },
        ...{ phone: null, company_name: null },
      },
    ]);
    expect(await drover.value('SELECT created_at FROM app.users WHERE first_name = $1', 'Ann')).toEqual(
      new Date('2024-01-01T00:00:00Z'),
    );
  });

  it('leave every discarded value in a note', async () => {
    expect(
      await drover.rows('SELECT u.email, n.body FROM app.user_notes n JOIN app.users u ON u.id = n.user_id'),
    ).toEqual([
      {
        email: 'ann@example.com',
        body: expect.stringMatching(/first name: Anne \(booking 3, [^)]*\)\nphone: 1 \(booking 3/),
      },
    ]);
  });

  it('are listed by id where they have no usable address, and by the reason', async () => {
    const [{ run_id: id }] = (await drover.rows('SELECT max(run_id) AS run_id FROM drover.records')) as [
      { run_id: string },
    ];
    const rejected = await drover.rows(
      `SELECT source_id, code FROM drover.records WHERE run_id = $1 AND entity = 'users' AND status = 'rejected' ORDER BY source_id`,
      id,
    );
    expect(rejected).toEqual([
      { source_id: 'booking:10', code: 'NO_EMAIL' },
      { source_id: 'booking:5', code: 'NO_EMAIL' },
      { source_id: 'booking:6', code: 'BAD_EMAIL' },
      { source_id: 'booking:7', code: 'BAD_CONTACT' },
    ]);
  });

  it('become a payment where they were paid, and are refused where that is not certain', async () => {
    const rows = await drover.rows(
      `SELECT p.booking_id, p.payment_reference, p.amount, p.method, p.paid_at, u.email FROM app.payments p
       LEFT JOIN app.users u ON u.id = p.user_id ORDER BY p.booking_id`,
    );
    expect(rows).toEqual(
      [
        ['1', 'MIGRATED-1', '10000', 'card', '2024-01-02', 'ann@example.com'],
        ['2', 'MIGRATED-B-2', '5050', 'gcash', '2024-03-01', 'ann@example.com'],
        ['3', 'MIGRATED-B-3', '0', 'card', '2024-02-01', 'ann@example.com'],
        ['5', 'MIGRATED-B-5', '700', 'card', '2024-01-06', null],
      ].map(([booking_id, payment_reference, amount, method, day, email]) => ({
        ...{ booking_id, payment_reference, amount, method, email },
        paid_at: new Date(`${day}T00:00:00Z`),
      })),
    );
    const rejected = await drover.rows(
      `SELECT source_id, code FROM drover.records WHERE entity = 'payments' AND status = 'rejected' ORDER BY source_id`,
    );
    expect(rejected).toEqual([
      { source_id: '8', code: 'UNKNOWN_STATUS' },
      { source_id: '9', code: 'NO_AMOUNT' },
    ]);
  });

  it('are charged once each in the entries, from which statuses, sums and activities follow', async () => {
    expect(
      await drover.rows(
        'SELECT booking_id, status, sum(e.amount)::int AS net FROM app.payments p LEFT JOIN app.payment_entries e ON e.payment_id = p.id GROUP BY p.id ORDER BY 1',
      ),
    ).toEqual([
      { booking_id: '1', status: 'succeeded', net: 10_000 },
      { booking_id: '2', status: 'succeeded', net: 5_050 },
      { booking_id: '3', status: 'succeeded', net: 0 },
      { booking_id: '5', status: 'succeeded', net: 700 },
    ]);
    expect(await drover.rows("SELECT spent FROM app.user_statistics WHERE currency = 'PHP'")).toEqual([
      { spent: '15050' },
    ]);
    expect(await drover.rows('SELECT kind, count(*)::int AS n FROM app.user_activity_logs GROUP BY 1')).toEqual([
      { kind: 'payment_completed', n: 3 },
    ]);
    expect(
      await drover.rows(
        'SELECT e.email_key FROM app.user_emails e JOIN app.users u ON u.id = app.drover_user_id(e.email_key) ORDER BY 1',
      ),
    ).toEqual([{ email_key: 'ann@example.com' }, { email_key: 'bo+x@example.com' }]);
  });

  it('change nothing when they are moved again', async () => {
    const before = await drover.rows(
      'SELECT xmin::text, id FROM app.users UNION ALL SELECT xmin::text, id FROM app.payments ORDER BY 2',
    );
    const again = await run();
    expect(again.entities.users).toMatchObject({ reconciled: 0, skipped: 2 });
    expect(again.entities.payments).toMatchObject({ reconciled: 0 });
    expect(
      await drover.rows(
        'SELECT xmin::text, id FROM app.users UNION ALL SELECT xmin::text, id FROM app.payments ORDER BY 2',
      ),
    ).toEqual(before);
    expect(await drover.value('SELECT count(*)::int FROM drover.workspace_rows')).toBe(0);
  });

  it('are read again by id: a booking that was corrected since, and a person', async () => {
    const { id } = await run();
    await inSource(`UPDATE app.bookings SET "finalAmount" = 12 WHERE id = 9`);
    await inSource(`UPDATE app.bookings SET "contactDetails" = '{"email": "cy@example.com"}' WHERE id = 5`);
    for (const code of ['NO_AMOUNT', 'NO_EMAIL']) {
      const [group] = (await drover.control.failures(id)).filter((one) => one.code === code);
      await drover.control.replay(id, String(group?.group), 'corrected', operator);
      await drover.settled(id);
    }
    expect(await drover.value("SELECT amount FROM app.payments WHERE booking_id = '9'")).toBe('1200');
    await inSource(`UPDATE app.bookings SET "finalAmount" = 101 WHERE id = 1`);
    await run();
    expect(
      await drover.rows(
        "SELECT kind, e.amount FROM app.payment_entries e JOIN app.payments p ON p.id = e.payment_id WHERE booking_id = '1' ORDER BY e.amount",
      ),
    ).toEqual([
      { kind: 'adjustment', amount: '-10000' },
      { kind: 'charge', amount: '10000' },
      { kind: 'adjustment', amount: '10100' },
    ]);
    expect(await drover.value("SELECT spent FROM app.user_statistics WHERE currency = 'PHP'")).toBe('16350');
    expect(
      await drover.value("SELECT code FROM drover.records WHERE run_id = $1 AND source_id = 'booking:5'", id),
    ).toBe('HAS_EMAIL');
    const person = personId('ann@example.com');
    await drover.control.enqueue(id, { entity: 'users', sourceIds: [person] }, operator);
    await drover.settled(id);
    expect(
      await drover.rows(
        'SELECT status, code FROM drover.records WHERE run_id = $1 AND entity = $2 AND source_id = $3',
        id,
        'users',
        person,
      ),
    ).toEqual([{ status: 'reconciled', code: null }]);
  });
});

describe('a table of bookings that is not the one the document shows', () => {
  let drover: Drover;
  beforeAll(async () => {
    drover = await startDrover('bookings', (databaseUrl) => ({ SOURCE_DATABASE_URL: databaseUrl }));
  });
  afterAll(() => drover.close());

  it.each([
    [
      'a column is missing',
      'id int PRIMARY KEY, "contactDetails" jsonb',
      /has no column createdAt, .*it has id, contactDetails/,
    ],
    [
      'ids are not unique',
      tableSql('x')
        .replace(/^[^(]*\(/, '')
        .slice(0, -1)
        .replace(' PRIMARY KEY', ''),
      /no unique key/,
    ],
    [
      'times have no zone',
      tableSql('x')
        .replace(/^[^(]*\(/, '')
        .slice(0, -1)
        .replaceAll('timestamptz', 'timestamp'),
      /column createdAt of .* has times without a zone/,
    ],
  ])('is refused by name when %s', async (_what, columns, message) => {
    await drover.database.$client.query(`DROP TABLE IF EXISTS public.odd; CREATE TABLE public.odd (${columns})`);
    const done = await drover.run({ targetSchema: 'odd', params: { table: 'public.odd', currency: 'PHP' } });
    expect(done).toMatchObject({ status: 'failed', reason: expect.stringMatching(message) });
  });

  it('is read with names, types and zones of its own', async () => {
    await drover.database.$client.query(`CREATE TABLE public."Orders" (ref uuid PRIMARY KEY, who text, made timestamp,
      state text, total double precision, cur text, paid date, how text, no int);
      INSERT INTO public."Orders" VALUES ('0f8fad5b-d9cb-469f-a165-70867728950e', '{"E-Mail": "x@y.example", "surname": "X"}',
        '2024-07-01 00:30', 'paid', 0.1::float8 + 0.2::float8, 'eur', '2024-07-02', NULL, 12)`);
    const done = await drover.run({
      targetSchema: 'own',
      params: {
        table: 'public.Orders',
        timeZone: 'Europe/Paris',
        columns: {
          ...{ id: 'ref', contact: 'who', createdAt: 'made', status: 'state', amount: 'total', currency: 'cur' },
          ...{ paidAt: 'paid', method: 'how', reference: 'no' },
        },
      },
    });
    expect(done).toMatchObject({ status: 'completed', reason: null });
    expect(await drover.rows('SELECT payment_reference, amount, currency, paid_at FROM own.payments')).toEqual([
      { payment_reference: 'MIGRATED-12', amount: '30', currency: 'EUR', paid_at: new Date('2024-07-01T22:00:00Z') },
    ]);
    expect(await drover.rows('SELECT email, last_name, created_at FROM own.users')).toEqual([
      { email: 'x@y.example', last_name: 'X', created_at: new Date('2024-06-30T22:30:00Z') },
    ]);
  });
});
