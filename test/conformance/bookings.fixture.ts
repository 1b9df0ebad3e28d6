import pg from 'pg';
import type { PlanFixture, SourceContent, StandIn } from '../../src/plan/conformance/types.ts';
import { createDatabase } from '../helpers/database.ts';

/** Bookings of 1,100 people, two each; some without a usable address, some with other names. */
const fillSql = `
INSERT INTO bookings SELECT n, CASE WHEN n % 100 = 0 THEN '{"phone": "1"}'
    ELSE jsonb_build_object('email', 'p' || n % 1100 || '@example.com', 'firstName', CASE WHEN n % 7 = 0 THEN 'Ann' ELSE 'Anne' END) END,
  '2025-01-01'::timestamptz + n * interval '1 minute', CASE n % 3 WHEN 0 THEN 'PENDING' WHEN 1 THEN 'paid' ELSE 'Attended' END,
  n % 50 + 0.5, NULL, 'card', 'B-' || n
FROM generate_series(1, 2200) n`;

/** A table of bookings in a database of its own. */
async function start(content: SourceContent): Promise<StandIn> {
  const database = await createDatabase();
  const client = new pg.Client(database.url);
  await client.connect();
  try {
    await client.query(`CREATE TABLE bookings (id int PRIMARY KEY, "contactDetails" jsonb, "createdAt" timestamptz NOT NULL, status text,
      "finalAmount" numeric(10,2), "paymentDate" timestamptz, "paymentMethod" text, "bookingReference" text)`);
    if (content === 'filled') await client.query(fillSql);
  } finally {
    await client.end();
  }
  return {
    settings: { SOURCE_DATABASE_URL: database.url },
    params: { currency: 'PHP' },
    close: database.drop,
  };
}

const person = {
  email: 'ann@example.com',
  since: '2025-01-01 00:00:00+00',
  contacts: [
    {
      at: '2025-01-02 00:00:00+00',
      booking: '2',
      email: 'ann@example.com',
      first_name: 'Ann',
      last_name: null,
      phone: '1',
      company_name: null,
    },
    {
      at: '2025-01-01 00:00:00+00',
      booking: '1',
      email: 'ann@example.com',
      first_name: 'Anne',
      last_name: null,
      phone: '2',
      company_name: null,
    },
  ],
};

const payments = {
  contact: { email: 'ann@example.com' },
  createdAt: '2025-01-01 00:00:00+00',
  status: 'PAID',
  amount: '12.5',
  currency: 'USD',
  paidAt: '2025-01-02 00:00:00+00',
  method: 'card',
  reference: 'B-1',
};

export default { start, records: { users: person, user_notes: person, payments } } satisfies PlanFixture;
