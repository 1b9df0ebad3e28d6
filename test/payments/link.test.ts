import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { createLinkControl, type LinkControl } from '../../src/payments/link/control.ts';
import { nextBatchSize, workOnLink } from '../../src/payments/link/work.ts';
import { checkStatistics, foldStatistics, repairStatistics } from '../../src/payments/statistics.sql.ts';
import { type Drover, operator, startDrover } from '../helpers/drover.ts';

const reason = 'because of a test';
let drover: Drover;
let control: LinkControl;
let database: ReturnType<typeof openDatabase>;
beforeAll(async () => {
  drover = await startDrover('bookings', (databaseUrl) => ({ SOURCE_DATABASE_URL: databaseUrl }));
  database = openDatabase({ url: drover.databaseUrl, applicationName: 'test', onError: () => undefined });
  control = createLinkControl({ database, target: database.$client });
});
afterAll(async () => {
  await database.$client.end();
  await drover.close();
});

const sql = (text: string, ...values: unknown[]) => drover.rows(text, ...values);
const work = () =>
  workOnLink({ pool: database.$client, url: drover.databaseUrl, signal: new AbortController().signal }, 'app');

/** A batch that waited too long for a writer's row ends the work, and is tried again, as workers do. */
async function workToEnd(): Promise<void> {
  for (const deadline = Date.now() + 120_000; Date.now() < deadline; await work())
    if ((await state()) === 'done') return;
  throw new Error(`not finished after 120 s: ${JSON.stringify(await control.view('app'))}`);
}

/** A table with the dirt of real ones, and the users of it. `rows` are of 50 people. */
async function migrate(rows: number, contactType = 'jsonb'): Promise<void> {
  await sql('DROP SCHEMA IF EXISTS app CASCADE');
  await sql('TRUNCATE drover.runs, drover.identities CASCADE');
  await sql('CREATE SCHEMA app');
  await sql(`CREATE TABLE app.bookings (id bigint PRIMARY KEY, "contactDetails" ${contactType}, "createdAt" timestamptz DEFAULT now(), status text,
    "finalAmount" numeric(10,2), "paymentDate" timestamptz, "paymentMethod" text, "bookingReference" text)`);
  await insert(1, rows, contactType);
  await drover.run({ targetSchema: 'app', params: { table: 'app.bookings', currency: 'PHP' } });
}

/** Bookings of 50 people in turn; every tenth has no address, and spellings differ. */
const insert = (from: number, to: number, contactType = 'jsonb') =>
  sql(
    `INSERT INTO app.bookings SELECT n, (CASE WHEN n % 10 = 0 THEN '{"firstName": "No"}' WHEN n % 3 = 0
        THEN to_json(('{"email": " P' || n % 50 || '@Example.com"}')::text)::text ELSE '{"email": "p' || n % 50 || '@example.com"}' END)::${contactType},
      '2025-01-01'::timestamptz + n * interval '1 hour', 'PAID', 10, NULL, NULL, 'B-' || n FROM generate_series($1::int, $2::int) n`,
    from,
    to,
  );
const unlinked = async () =>
  (await sql(`SELECT count(*)::int AS n FROM app.bookings WHERE user_id IS NULL AND id % 10 <> 0`))[0]?.n;
const state = async () => (await control.view('app')).state;

describe.each(['jsonb', 'text'])('a table whose contacts are %s', (contactType) => {
  beforeEach(() => migrate(400, contactType));

  it('is linked to its end, with an index and a key that were made without a long lock', async () => {
    await control.start({ targetSchema: 'app', reason }, operator);
    await workToEnd();
    expect(await control.view('app')).toMatchObject({
      state: 'done',
      linked: 360,
      passed: 400,
      hold: null,
      lastError: null,
    });
    expect(await unlinked()).toBe(0);
    expect(await sql(`SELECT convalidated FROM pg_constraint WHERE conname = 'drover_user_id_fkey'`)).toEqual([
      { convalidated: true },
    ]);
    expect(
      await sql(`SELECT indisvalid FROM pg_index WHERE indexrelid = 'app.bookings_user_id_drover'::regclass`),
    ).toEqual([{ indisvalid: true }]);
    expect((await checkStatistics(database.$client, 'app')).differences).toEqual([]);
  });

  it('links what others write from the first second, and makes the users of new addresses', async () => {
    await control.start({ targetSchema: 'app', reason }, operator);
    await insert(401, 420, contactType);
    await sql(
      `INSERT INTO app.bookings (id, "contactDetails") VALUES (500, '{"email": "New@example.com", "firstName": "Nea"}')`,
    );
    await sql(`UPDATE app.bookings SET "contactDetails" = '{"email": "moved@example.com"}' WHERE id = 401`);
    expect(
      await sql(
        `SELECT b.id, u.email, u.first_name FROM app.bookings b JOIN app.users u ON u.id = b.user_id WHERE b.id IN (401, 500) ORDER BY 1`,
      ),
    ).toEqual([
      { id: '401', email: 'moved@example.com', first_name: null },
      { id: '500', email: 'new@example.com', first_name: 'Nea' },
    ]);
    await workToEnd();
    expect(await unlinked()).toBe(0);
    expect((await control.view('app')).passed).toBe(400);
    expect((await checkStatistics(database.$client, 'app')).differences).toEqual([]);
  });
});

describe('a link', () => {
  beforeEach(() => migrate(400));

  it('shows beforehand what it will do and which triggers of the owner would fire, and refuses to fire them unasked', async () => {
    await sql('CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN NEW; END$$');
    await sql('CREATE TRIGGER touch BEFORE UPDATE ON app.bookings FOR EACH ROW EXECUTE FUNCTION app.touch()');
    await sql('CREATE TRIGGER other BEFORE UPDATE OF status ON app.bookings FOR EACH ROW EXECUTE FUNCTION app.touch()');
    const plan = await control.plan({ targetSchema: 'app' });
    expect(plan).toMatchObject({
      table: 'app.bookings',
      triggers: [{ name: 'touch' }],
      problems: [expect.stringContaining('touch')],
    });
    expect(plan.statements.join('\n')).toMatch(/ADD COLUMN.*CONCURRENTLY.*NOT VALID.*VALIDATE/s);
    await expect(control.start({ targetSchema: 'app', reason }, operator)).rejects.toMatchObject({
      code: 'NOT_ALLOWED_NOW',
    });
    expect(
      await sql(`SELECT 1 FROM pg_attribute WHERE attrelid = 'app.bookings'::regclass AND attname = 'user_id'`),
    ).toEqual([]);
    await control.start({ targetSchema: 'app', acceptTriggers: ['touch'], reason }, operator);
    await workToEnd();
    expect(await state()).toBe('done');
  });

  it('links rows that are written with a domain in letters from the first second, before filling came to one', async () => {
    await sql(`UPDATE app.bookings SET "contactDetails" = '{"email": "ana@xn--mnchen-3ya.example"}' WHERE id = 400`);
    await drover.run({ targetSchema: 'app', params: { table: 'app.bookings', currency: 'PHP' } });
    await control.start({ targetSchema: 'app', reason }, operator);
    await sql(`INSERT INTO app.bookings (id, "contactDetails") VALUES (500, '{"email": "Ana@M\u00dcNCHEN.example"}')`);
    expect(
      await sql('SELECT u.email FROM app.bookings b JOIN app.users u ON u.id = b.user_id WHERE b.id = 500'),
    ).toEqual([{ email: 'ana@xn--mnchen-3ya.example' }]);
  });

  it('ends while others write twice as fast as it fills', async () => {
    await control.start({ targetSchema: 'app', reason }, operator);
    await sql('UPDATE app.booking_link SET batch_size = 50');
    let next = 401;
    const stop = new AbortController();
    const writer = (async () => {
      while (!stop.signal.aborted) {
        await insert(next, next + 99);
        next += 100;
      }
    })();
    await workToEnd();
    stop.abort();
    await writer;
    expect(next).toBeGreaterThan(500);
    expect(await control.view('app')).toMatchObject({ state: 'done', passed: 400 });
    expect(await unlinked()).toBe(0);
    expect((await checkStatistics(database.$client, 'app')).differences).toEqual([]);
  });

  it('goes on where another process stopped, also after an index that was left invalid', async () => {
    await control.start({ targetSchema: 'app', reason }, operator);
    await sql('UPDATE app.booking_link SET batch_size = 50');
    // A process that took it and was killed: its lease ends.
    await sql(`UPDATE app.booking_link SET lease_token = 'dead', lease_until = now() + interval '1 hour'`);
    expect(await work()).toBe(false);
    await sql(`UPDATE app.booking_link SET lease_until = now() - interval '1 second'`);
    await sql('CREATE INDEX bookings_user_id_drover ON app.bookings (user_id)');
    await sql(`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'app.bookings_user_id_drover'::regclass`);
    await workToEnd();
    expect(await state()).toBe('done');
    expect(
      await sql(`SELECT indisvalid FROM pg_index WHERE indexrelid = 'app.bookings_user_id_drover'::regclass`),
    ).toEqual([{ indisvalid: true }]);
  });

  it('is paused, resumed, and taken back whole', async () => {
    const before = await sql('SELECT to_jsonb(b) AS row FROM app.bookings b ORDER BY id');
    await control.start({ targetSchema: 'app', reason }, operator);
    await control.pause({ targetSchema: 'app', reason }, operator);
    expect(await work()).toBe(false);
    expect(await control.view('app')).toMatchObject({ state: 'paused', pausedIn: 'filling', linked: 0 });
    await control.resume({ targetSchema: 'app', reason }, operator);
    await workToEnd();
    expect(await control.undo({ targetSchema: 'app', reason, dryRun: true }, operator)).toContain(
      'ALTER TABLE "app"."bookings" DROP COLUMN IF EXISTS "user_id"',
    );
    expect(await state()).toBe('done');
    await control.undo({ targetSchema: 'app', reason, dryRun: false }, operator);
    expect(await sql('SELECT to_jsonb(b) AS row FROM app.bookings b ORDER BY id')).toEqual(before);
    await expect(control.view('app')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect((await checkStatistics(database.$client, 'app')).differences).toEqual([]);
    await control.start({ targetSchema: 'app', reason }, operator);
    await workToEnd();
    expect(await unlinked()).toBe(0);
  });

  it('links addresses whose domain is written in letters, and the trigger knows them from then on', async () => {
    await sql(
      `INSERT INTO app.bookings (id, "contactDetails", status) VALUES (900, '{"email": "x@b\u00fccher.example"}', 'PENDING')`,
    );
    await drover.run({ targetSchema: 'app', params: { table: 'app.bookings', currency: 'PHP' } });
    await control.start({ targetSchema: 'app', reason }, operator);
    await workToEnd();
    await sql(
      `INSERT INTO app.bookings (id, "contactDetails", status) VALUES (901, '{"email": "X@B\u00fccher.example"}', 'PENDING')`,
    );
    expect(
      await sql('SELECT u.email FROM app.bookings b JOIN app.users u ON u.id = b.user_id WHERE b.id >= 900'),
    ).toEqual([{ email: 'x@xn--bcher-kva.example' }, { email: 'x@xn--bcher-kva.example' }]);
  });

  it('never makes a write of the owner fail', async () => {
    await control.start({ targetSchema: 'app', reason }, operator);
    await sql('ALTER TABLE app.users ADD COLUMN needed text NOT NULL DEFAULT $$x$$');
    await sql('ALTER TABLE app.users ALTER COLUMN needed DROP DEFAULT');
    await sql(`INSERT INTO app.bookings (id, "contactDetails") VALUES (600, '{"email": "cannot@example.com"}')`);
    expect(await sql('SELECT user_id FROM app.bookings WHERE id = 600')).toEqual([{ user_id: null }]);
  });

  it('holds still on what its signals say, and names the value and the limit', async () => {
    await control.start({ targetSchema: 'app', reason }, operator);
    const client = await database.$client.connect();
    const blocked = await database.$client.connect();
    try {
      // A statement that waits for a lock on the table, as a DDL of the owner does.
      await client.query('BEGIN; LOCK TABLE app.bookings IN SHARE UPDATE EXCLUSIVE MODE');
      const waiting = blocked.query('BEGIN; LOCK TABLE app.bookings IN SHARE UPDATE EXCLUSIVE MODE; COMMIT');
      const stop = new AbortController();
      const working = workOnLink({ pool: database.$client, url: drover.databaseUrl, signal: stop.signal }, 'app');
      const deadline = Date.now() + 30_000;
      for (let hold = null; hold === null && Date.now() < deadline; ) hold = (await control.view('app')).hold as never;
      expect((await control.view('app')).hold).toEqual({
        reason: 'statements wait for a lock on the table',
        value: 1,
        limit: 0,
      });
      stop.abort();
      await working;
      await client.query('COMMIT');
      await waiting;
    } finally {
      client.release();
      blocked.release();
    }
    await workToEnd();
    expect(await control.view('app')).toMatchObject({ state: 'done', hold: null });
  });
});

it('in another database than the users is refused by name', async () => {
  await migrate(10);
  await sql('ALTER TABLE app.bookings RENAME TO elsewhere');
  await expect(control.start({ targetSchema: 'app', reason }, operator)).rejects.toMatchObject({
    code: 'CONFIGURATION',
    message: expect.stringContaining('no table app.bookings'),
    remedy: expect.stringContaining('TARGET_DATABASE_URL'),
  });
});

describe('statistics', () => {
  it('are exact beside eight clients that insert, change, move and delete, folded or not', async () => {
    await migrate(200);
    await control.start({ targetSchema: 'app', reason }, operator);
    await workToEnd();
    let next = 10_000;
    const client = async (seed: number) => {
      for (let step = 0; step < 60; step += 1) {
        const pick = (seed * 7919 + step * 104_729) % 200;
        const kind = (seed + step) % 5;
        next += 1;
        if (kind === 0) await insert(next, next);
        if (kind === 1) await sql('DELETE FROM app.bookings WHERE id = $1', pick);
        if (kind === 2)
          await sql(
            `UPDATE app.bookings SET "createdAt" = "createdAt" - interval '1 day' * $2 WHERE id = $1`,
            pick,
            step,
          );
        if (kind === 3)
          await sql(
            `UPDATE app.bookings SET "contactDetails" = jsonb_build_object('email', 'p' || $2::int || '@example.com') WHERE id = $1`,
            pick,
            step,
          );
        if (kind === 4) await foldStatistics(database.$client, 'app');
      }
    };
    const check = async () => expect((await checkStatistics(database.$client, 'app')).differences).toEqual([]);
    await Promise.all([...[1, 2, 3, 4, 5, 6, 7, 8].map(client), check(), check()]);
    await check();
    while ((await foldStatistics(database.$client, 'app')) > 0);
    await check();
    await sql('TRUNCATE app.bookings');
    await check();
  });

  it('keep no time of a booking that was deleted, whichever of two processes folds first', async () => {
    await migrate(20);
    await control.start({ targetSchema: 'app', reason }, operator);
    await workToEnd();
    const fold = () => Promise.all([1, 2, 3].map(() => foldStatistics(database.$client, 'app')));
    for (let round = 0; round < 15; round += 1) {
      await sql(
        `INSERT INTO app.bookings (id, "contactDetails", "createdAt") VALUES (700, '{"email": "p1@example.com"}', '2001-01-01')`,
      );
      const folded = fold();
      await sql('DELETE FROM app.bookings WHERE id = 700');
      await folded;
      await fold();
    }
    expect((await checkStatistics(database.$client, 'app')).differences).toEqual([]);
  });

  it('that were changed by hand are named with both figures, and corrected', async () => {
    await migrate(20);
    // A worker folds too: its transaction holds what this one skips.
    await expect
      .poll(
        async () => {
          await foldStatistics(database.$client, 'app');
          return sql('SELECT 1 FROM app.user_statistics_deltas');
        },
        { timeout: 60_000 },
      )
      .toEqual([]);
    await sql(`UPDATE app.user_totals SET spent = spent + 5 WHERE user_id = app.drover_user_id('p1@example.com')`);
    const { differences } = await checkStatistics(database.$client, 'app');
    expect(differences).toEqual([
      expect.objectContaining({ currency: 'PHP', figure: 'spent', kept: '1005', recomputed: '1000' }),
    ]);
    await repairStatistics(database.$client, 'app');
    expect((await checkStatistics(database.$client, 'app')).differences).toEqual([]);
  });
});

it('batches grow by half at the most, and shrink at once', () => {
  expect([
    nextBatchSize(1_000, 100),
    nextBatchSize(1_000, 10),
    nextBatchSize(1_000, 2_000),
    nextBatchSize(100, 5_000),
  ]).toEqual([1_500, 1_500, 100, 50]);
});
