import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSqlPort } from '../../db/sql.ts';
import { entityOrder } from '../../src/plan/define-plan.ts';
import bookings from '../../src/plans/bookings/index.ts';
import { createPostgresTarget } from '../../src/targets/postgres/index.ts';
import { startService, type TestService } from '../helpers/api-service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
  await sql('CREATE SCHEMA app');
  const port = createSqlPort(service.database.$client);
  await createPostgresTarget(port).prepare(bookings, entityOrder(bookings), 'app');
  await sql(`INSERT INTO drover.runs (id, plan, version, strategy, dry_run, status, target_schema, batch_size,
       max_failure_percent, skip_existing, export_only, scope, params, stamp, created_by)
     VALUES ('r1', 'bookings', '1.0.0', 'full', false, 'completed', 'app', 1, 50, false, false, '{}', '{"table": "app.bookings"}', '', 'test')`);
  await sql(`CREATE TABLE app.bookings (id bigint PRIMARY KEY, "contactDetails" jsonb, "createdAt" timestamptz DEFAULT now());
    INSERT INTO app.bookings (id, "contactDetails") SELECT n, '{"email": "ann@example.com"}' FROM generate_series(1, 50) n`);
});
afterAll(() => service.stop());

const sql = async (text: string, ...values: unknown[]) => (await service.database.$client.query(text, values)).rows;
const post = async (path: string, body: object) => {
  const request = { method: 'POST', url: `/api/v1/bookings${path}`, headers: service.as('admin') } as const;
  return (await service.app.inject({ ...request, payload: { reason: 'because of a test', ...body } })).json();
};

it('a backup says its size before, copies every row while a writer holds its rows, and never replaces a copy', async () => {
  const asked = await post('/backup', { dryRun: true });
  expect(asked.tables[0]).toMatchObject({
    table: 'app.bookings',
    backup: 'app.bookings_backup',
    exists: false,
    rows: null,
  });
  expect(asked.tables[0].estimatedBytes).toBeGreaterThan(0);
  expect(await sql(`SELECT to_regclass('app.bookings_backup') AS there`)).toEqual([{ there: null }]);
  const writer = await service.database.$client.connect();
  try {
    await writer.query(`BEGIN; UPDATE app.bookings SET "createdAt" = now() WHERE id = 1`);
    expect(await post('/backup', {})).toMatchObject({ dryRun: false, tables: [{ rows: 50 }, { rows: 0 }] });
    await writer.query('ROLLBACK');
  } finally {
    writer.release();
  }
  expect(await sql('SELECT * FROM app.bookings EXCEPT SELECT * FROM app.bookings_backup')).toEqual([]);
  expect(await post('/backup', {})).toMatchObject({ code: 'NOT_ALLOWED_NOW' });
  expect((await sql(`SELECT subject, details FROM drover.audit WHERE action = 'bookings.backup'`))[0]).toEqual({
    ...{ subject: 'schema:app', details: { tables: ['app.bookings_backup', 'app.users_backup'] } },
  });
});

it('a clean-up makes missing and invalid indexes after a dry run that only names them, and lists users with one address', async () => {
  const indexes =
    await sql(`SELECT indexrelid::regclass::text AS name FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    WHERE indrelid = 'app.payments'::regclass AND attname = 'user_id'`);
  for (const { name } of indexes) await sql(`DROP INDEX ${name}`);
  await sql('ALTER TABLE app.users DROP CONSTRAINT IF EXISTS users_email_key');
  const ids = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'];
  await sql(
    `INSERT INTO app.users (id, email, created_at) VALUES ('${ids[0]}', 'ann@example.com', '2025-01-01'), ('${ids[1]}', 'ANN@example.com', '2025-02-01')`,
  );
  const payments = async (dryRun: boolean) => {
    const answer = await post('/cleanup', { dryRun });
    expect(answer.duplicates).toEqual([ids]);
    return answer.indexes.find(({ table }: { table: string }) => table === 'app.payments');
  };
  expect(await payments(true)).toMatchObject({
    state: 'missing',
    statements: [expect.stringContaining('CONCURRENTLY')],
  });
  expect((await payments(true)).state).toBe('missing');
  await payments(false);
  expect(await payments(true)).toMatchObject({ state: 'present', statements: [] });
  await sql(`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'app.payments_user_id_drover'::regclass`);
  expect(await payments(true)).toMatchObject({
    state: 'invalid',
    statements: [expect.stringContaining('DROP'), expect.any(String)],
  });
  await payments(false);
  expect((await payments(true)).state).toBe('present');
});
