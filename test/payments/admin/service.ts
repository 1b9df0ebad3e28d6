import { createSqlPort } from '../../../db/sql.ts';
import { workOnLink } from '../../../src/payments/link/work.ts';
import { checkStatistics, foldStatistics } from '../../../src/payments/statistics.sql.ts';
import { entityOrder } from '../../../src/plan/define-plan.ts';
import bookings from '../../../src/plans/bookings/index.ts';
import { createPostgresTarget } from '../../../src/targets/postgres/index.ts';
import { startService } from '../../helpers/api-service.ts';
import { operator } from '../../helpers/drover.ts';

/** A service whose database has a bookings table in schema `app` and the tables of the plan, as after a migration. */
export type AdminService = Awaited<ReturnType<typeof startAdminService>>;

type Answer = { status: number; body: Record<string, unknown> & { items: Record<string, unknown>[] } };

export async function startAdminService(keyType = 'bigint') {
  const service = await startService();
  const pool = service.database.$client;
  const rows = async <T = Record<string, unknown>>(text: string, ...values: unknown[]): Promise<T[]> =>
    (await pool.query(text, values)).rows as T[];
  await rows('CREATE SCHEMA app');
  await rows(`CREATE TABLE app.bookings (id ${keyType} PRIMARY KEY, "contactDetails" jsonb, "createdAt" timestamptz, status text,
    "finalAmount" numeric(10,2), "paymentDate" timestamp, "paymentMethod" text, "bookingReference" text, "isVip" boolean, tags text[], rate double precision)`);
  await createPostgresTarget(createSqlPort(pool)).prepare(bookings, entityOrder(bookings), 'app');
  await rows(
    `INSERT INTO drover.runs (id, plan, version, strategy, dry_run, status, target_schema, batch_size, max_failure_percent, skip_existing,
       export_only, scope, params, stamp, created_by)
     VALUES ('run', 'bookings', '1.0.0', 'pipeline', false, 'completed', 'app', 100, 5, false, false, '{}', $1, 'x', 'test')`,
    JSON.stringify({ table: 'app.bookings', currency: 'PHP' }),
  );
  const call = async (
    method: 'GET' | 'POST',
    path: string,
    payload?: object,
    role: 'viewer' | 'operator' | 'admin' = 'operator',
  ): Promise<Answer> => {
    const headers = service.as(role);
    const answer = await service.app.inject({
      method,
      url: `/api/admin${path}`,
      headers,
      ...(payload ? { payload } : {}),
    });
    return { status: answer.statusCode, body: answer.json() };
  };
  return {
    ...{ service, pool, rows, stop: service.stop },
    get: (path: string) => call('GET', path),
    post: (path: string, payload: object) => call('POST', path, payload),
    call,
    /** A booking of an address, or of a whole contact. */
    book: (id: number, contact: string | object | null, at = '2025-01-01T00:00:00Z') =>
      rows(
        `INSERT INTO app.bookings (id, "contactDetails", "createdAt", status, "finalAmount", "bookingReference") VALUES ($1::text::bigint, $2, $3, 'PAID', 10, 'B-' || $1::text)`,
        ...[id, JSON.stringify(typeof contact === 'string' ? { email: contact } : contact), at],
      ),
    /** A payment of the history; its user is the one of the address. */
    pay: (reference: string, email: string, amount: number, currency = 'PHP') =>
      rows(
        `INSERT INTO app.payments (id, user_id, booking_id, payment_reference, amount, currency, charge_status, provider)
         VALUES (gen_random_uuid(), (SELECT user_id FROM app.user_emails WHERE email_key = $2), $1, 'MIGRATED-' || $1, $3, $4, 'succeeded', 'migrated')`,
        ...[reference, email, amount, currency],
      ),
    idOf: async (email: string): Promise<string> =>
      (await rows<{ id: string }>('SELECT id FROM app.users WHERE email = $1', email))[0]?.id ?? 'none',
    /** Links all bookings, as workers do. */
    async link() {
      await service.deps.bookings.link.start({ targetSchema: 'app', reason: 'test' }, operator);
      const url = String(pool.options.connectionString);
      for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
        if ((await service.deps.bookings.link.view('app')).state === 'done') return;
        await workOnLink({ pool, url, signal: new AbortController().signal }, 'app');
      }
      throw new Error('the link did not end');
    },
    async fold() {
      while ((await foldStatistics(pool, 'app')) > 0);
    },
    differences: async () => (await checkStatistics(pool, 'app')).differences,
  };
}
