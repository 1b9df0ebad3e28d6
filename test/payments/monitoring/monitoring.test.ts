import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSqlPort } from '../../../db/sql.ts';
import { anomalyRules } from '../../../src/contract/bookings.ts';
import { workOnLink } from '../../../src/payments/link/work.ts';
import { entityOrder } from '../../../src/plan/define-plan.ts';
import bookings from '../../../src/plans/bookings/index.ts';
import { createPostgresTarget } from '../../../src/targets/postgres/index.ts';
import { startService, type TestService } from '../../helpers/api-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
  const pool = service.database.$client;
  await pool.query(`CREATE SCHEMA app`);
  await createPostgresTarget(createSqlPort(pool)).prepare(bookings, entityOrder(bookings), 'app');
  await pool.query(
    `INSERT INTO drover.runs (id, plan, version, strategy, dry_run, status, target_schema, batch_size,
       max_failure_percent, skip_existing, export_only, scope, params, stamp, created_by)
     VALUES ('r1', 'bookings', '1.0.0', 'full', false, 'completed', 'app', 1, 50, false, false, '{}', '{"table": "app.bookings"}', '', 'test')`,
  );
  await pool.query(`CREATE TABLE app.bookings (id bigint PRIMARY KEY, "contactDetails" jsonb, "createdAt" timestamptz DEFAULT now(), status text);
    INSERT INTO app.bookings (id, "contactDetails") VALUES (1, '{"email": "ann@example.com"}'), (2, '{"email": "bob@example.com"}'),
      (3, '{"email": " ANN@example.com"}'), (4, '{"firstName": "No"}'), (5, '{"email": "not an address"}'), (6, NULL), (7, '[]')`);
});
afterAll(() => service.stop());

const sql = async (text: string, ...values: unknown[]) => (await service.database.$client.query(text, values)).rows;
const get = async (path: string) =>
  (await service.app.inject({ url: `/api/v1/bookings${path}`, headers: service.as('viewer') })).json();
const list = async (rule: string) => (await get(`/anomalies?rule=${rule}`)).items;

describe('progress', () => {
  it('counts before a link, and after it says by reason why bookings have no user', async () => {
    expect(await get('/progress')).toMatchObject({
      table: 'app.bookings',
      bookings: 7,
      linked: 0,
      unlinked: null,
      estimates: [],
    });
    const start = {
      method: 'POST',
      url: '/api/v1/bookings/link',
      headers: service.as('operator'),
      payload: { reason: 'test' },
    } as const;
    expect((await service.app.inject(start)).statusCode).toBe(200);
    const deps = { pool: service.database.$client, url: String(service.database.$client.options.connectionString) };
    await workOnLink({ ...deps, signal: new AbortController().signal }, 'app');
    expect(await get('/progress')).toEqual({
      ...{ targetSchema: 'app', table: 'app.bookings', bookings: 7, linked: 3 },
      unlinked: { no_contact: 2, no_address: 1, bad_address: 1, not_linked: 0 },
      ...{ users: 2, mergedUsers: 0, payments: 0, paymentsByStatus: {}, estimates: [] },
    });
  });

  it('labels the estimate of the planner as one', async () => {
    await sql('ANALYZE app.bookings');
    expect(await get('/progress?estimate=true')).toMatchObject({
      bookings: 7,
      linked: 3,
      unlinked: null,
      estimates: ['bookings'],
    });
  });
});

describe('anomalies', () => {
  const ann = `app.drover_user_id('ann@example.com')`;
  const payment = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`;

  it('are none where all is well', async () => {
    expect(await get('/anomalies')).toEqual({ items: [], nextCursor: null });
  });

  it('are listed by rule, page by page, without personal data, and counted in the metrics', async () => {
    await sql('ALTER TABLE app.bookings DISABLE TRIGGER USER; UPDATE app.bookings SET user_id = NULL WHERE id = 2');
    await sql('ALTER TABLE app.bookings ENABLE TRIGGER USER');
    await sql(`INSERT INTO drover.inbox (provider, event_id, type, livemode, payload, state, code, message, happened_at)
      VALUES ('stripe', 'evt_1', 'charge.refunded', false, '{}', 'failed', 'NO_PAYMENT', 'of ann@example.com', now())`);
    for (const n of [1, 2])
      await sql(`INSERT INTO app.payments (id, user_id, booking_id, payment_reference, amount, currency, charge_status, provider)
        VALUES ('${payment(n)}', ${ann}, '${n}', 'MIGRATED-${n}', 1000, 'PHP', 'succeeded', 'migrated')`);
    await sql(`INSERT INTO app.payment_entries (payment_id, kind, object, amount, currency) VALUES
      ('${payment(1)}', 'refund', 're_1', -1000, 'PHP'), ('${payment(1)}', 'dispute', 'txn_1', -400, 'PHP'), ('${payment(2)}', 'adjustment', 'by hand', 50, 'PHP')`);

    expect(await list('unlinked_booking')).toEqual([
      { rule: 'unlinked_booking', subject: 'booking:2', details: {}, remedy: expect.any(String) },
    ]);
    expect(await list('webhook_failed')).toMatchObject([
      { subject: 'webhook:stripe/evt_1', details: { code: 'NO_PAYMENT' } },
    ]);
    expect(await list('beyond_payment')).toMatchObject([
      { subject: `payment:${payment(1)}`, details: { currency: 'PHP', excess: '400' } },
    ]);
    expect(await list('amount_differs')).toMatchObject([
      { subject: `payment:${payment(2)}`, details: { amount: '1000', charged: '1050' } },
    ]);
    // The booking that lost its user without a trigger is still counted: three figures of that user are wrong.
    expect(
      (await list('statistics_drift')).map((one: { details: { figure: string } }) => one.details.figure),
    ).toContain('bookings');
    expect(await list('stale_link')).toEqual([]);
    await sql(`UPDATE app.booking_link SET state = 'indexing', updated_at = now() - interval '1 hour'`);
    expect(await list('stale_link')).toMatchObject([{ subject: 'schema:app', details: { state: 'indexing' } }]);

    const whole = (await get('/anomalies?limit=500')).items;
    expect(JSON.stringify(whole)).not.toContain('example.com');
    const paged: unknown[] = [];
    for (let cursor = ''; ; ) {
      const page = await get(`/anomalies?limit=1${cursor}`);
      paged.push(...page.items);
      if (page.nextCursor === null) break;
      cursor = `&cursor=${page.nextCursor}`;
    }
    expect(paged).toEqual(whole);
    const { body } = await service.app.inject({ url: '/metrics', headers: service.as('viewer') });
    expect(body).toContain('drover_bookings{schema="app",link="linked"} 2');
    expect(body).toContain('drover_booking_users{schema="app"} 2');
    expect(body).toContain('drover_booking_payments{schema="app",status="disputed"} 1');
    expect(body).toContain('drover_booking_anomalies{schema="",rule="webhook_failed"} 1');
    expect(body).toContain('drover_booking_anomalies{schema="app",rule="beyond_payment"} 1');
    for (const rule of anomalyRules) expect(body).toContain(`rule="${rule}"`);
  });

  it('refuse a cursor that is not theirs', async () => {
    expect(await get(`/anomalies?cursor=${Buffer.from('other 1').toString('base64url')}`)).toMatchObject({
      code: 'BAD_REQUEST',
    });
  });
});
