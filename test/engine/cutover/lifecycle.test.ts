import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  abandon,
  cutover,
  dropBackup,
  listCutovers,
  preflight,
  recover,
  resume,
  rollbackCutover,
} from '../../../src/engine/cutover/cutover.ts';
import { lockAllSql } from '../../../src/engine/cutover/session.sql.ts';
import { createCutoverDatabase } from '../../../src/engine/cutover/store.ts';
import type { CutoverDatabase } from '../../../src/engine/cutover/types.ts';
import { cutoverRequest, type Harness, openHarness, stagingSet } from './harness.ts';

const schema = `
CREATE SCHEMA staging;
CREATE TABLE a (id int PRIMARY KEY, t text); CREATE TABLE staging.a (id int PRIMARY KEY, t text);
INSERT INTO a SELECT g FROM generate_series(1, 10) g; INSERT INTO staging.a SELECT g FROM generate_series(1, 20) g;
CREATE TABLE p (id int) PARTITION BY RANGE (id); CREATE TABLE staging.p (id int);
CREATE TABLE typed (id int); CREATE TABLE staging.typed (id int); CREATE TABLE uses (x typed);`;

describe('the life of a cutover', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await openHarness();
    await harness.run(schema);
  });
  afterAll(() => harness.close());

  // Of this database alone: other tests hold locks of their own on the same server.
  // Waits for the backend's end: until then it holds the lock, and a swap under it is right.
  const loseLock = () =>
    harness.run(`SELECT pg_terminate_backend(l.pid, 10000) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
      WHERE l.locktype = 'advisory' AND d.datname = current_database()`);

  /** The engine's database, whose first step of the preparation waits, and then fails if it is told so. */
  function stopping(): { database: CutoverDatabase; reached: Promise<void>; goOn(error?: Error): void } {
    const database = createCutoverDatabase(harness.pool);
    let reach = (): void => undefined;
    let goOn = (_error?: Error): void => undefined;
    const reached = new Promise<void>((resolve) => {
      reach = resolve;
    });
    const told = new Promise<void>((resolve, reject) => {
      goOn = (error) => (error ? reject(error) : resolve());
    });
    const run: CutoverDatabase['run'] = async (...args) => {
      reach();
      await told;
      return database.run(...args);
    };
    return { database: { ...database, run }, reached, goOn: (error) => goOn(error) };
  }

  it('is refused with every reason at once', async () => {
    const gate = { check: async () => ({ ok: false, reasons: ['validation is red', 'validation is stale'] }) };
    const [table] = stagingSet('a').tables;
    const spec = { ...stagingSet('a'), tables: table ? [{ ...table, minimum: 100 }] : [] };
    const refused = cutover({ ...harness.deps, gate }, spec, cutoverRequest);
    await expect(refused).rejects.toMatchObject({ code: 'CUTOVER_REFUSED' });
    await expect(refused).rejects.toThrow(
      /red; validation is stale; public.a would have 20 rows, fewer than its minimum of 100/,
    );
  });

  it('is refused where the catalog holds what cannot be taken along', async () => {
    expect((await preflight(harness.deps, stagingSet('p'))).problems).toEqual([
      'public.p cannot be exchanged: it is partitioned',
    ]);
    expect((await preflight(harness.deps, stagingSet('typed'))).problems.join()).toContain(
      'uses the row type of public.typed',
    );
    expect((await preflight(harness.deps, stagingSet('missing'))).problems).toContain(
      'there is no table public.missing',
    );
  });

  it('is refused when live would shrink too much', async () => {
    await harness.run(
      'CREATE TABLE s (id int); CREATE TABLE staging.s (id int); INSERT INTO s SELECT generate_series(1, 10); INSERT INTO staging.s VALUES (1)',
    );
    expect((await preflight(harness.deps, stagingSet('s'))).problems.join()).toContain('1 rows instead of 10');
  });

  it('waits for its go, and is the only one', async () => {
    const held = await cutover(harness.deps, stagingSet('a'), { ...cutoverRequest, hold: true });
    expect(held.status).toBe('held');
    await expect(cutover(harness.deps, stagingSet('a'), cutoverRequest)).rejects.toMatchObject({
      code: 'CUTOVER_REFUSED',
    });
    await abandon(harness.deps, held.stamp);
    const second = await cutover(harness.deps, stagingSet('a'), { ...cutoverRequest, hold: true });
    expect(await harness.column('SELECT count(*)::int FROM a')).toEqual([10]);
    expect((await resume(harness.deps, second.stamp)).unplanned).toEqual([]);
    expect(await harness.column('SELECT count(*)::int FROM a')).toEqual([20]);
  });

  it('asks the gate again while nothing can write to the incoming tables, and is refused by what was written after the checks', async () => {
    await harness.run('CREATE TABLE g (id int); CREATE TABLE staging.g (id int); INSERT INTO staging.g VALUES (1)');
    const rows = () => harness.column('SELECT count(*)::int FROM staging.g');
    let asked = 0;
    const gate = {
      check: async () => {
        asked += 1;
        const [count] = await rows();
        return count === 1 ? { ok: true, reasons: [] } : { ok: false, reasons: [`${count} rows, validated was 1`] };
      },
    };
    const database: CutoverDatabase = {
      ...harness.deps.database,
      async swap(request) {
        await harness.run('INSERT INTO staging.g VALUES (2)');
        return harness.deps.database.swap(request);
      },
    };
    const late = cutover({ ...harness.deps, gate, database }, stagingSet('g'), cutoverRequest);
    await expect(late).rejects.toMatchObject({ code: 'CUTOVER_REFUSED', reasons: ['2 rows, validated was 1'] });
    expect(asked).toBe(2);
    expect(await rows()).toEqual([2]);
  });

  it('lets only one of two at the same moment through', async () => {
    const results = await Promise.allSettled(
      [1, 2].map(() => harness.deps.database.withLock(async () => new Promise((r) => setTimeout(r, 200)))),
    );
    expect(results.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('yields to a long reader and tries again, with nothing left behind', async () => {
    await harness.run(
      'CREATE TABLE staging.a (id int PRIMARY KEY, t text); INSERT INTO staging.a SELECT generate_series(1, 30)',
    );
    const reader = await harness.clients.connect();
    await reader.query('BEGIN; SELECT * FROM a LIMIT 1');
    const working = cutover(harness.deps, stagingSet('a'), cutoverRequest);
    // From when it asks for its locks: the preparation may take any time.
    while ((await listCutovers(harness.deps))[0]?.progress?.phase !== 'swap') await sleep(20);
    await sleep(600);
    await reader.query('COMMIT');
    reader.release();
    const done = await working;
    expect(done.timing?.attempts).toBeGreaterThan(1);
    expect(done.unplanned).toEqual([]);
  });

  it('has one budget for all locks of a try', async () => {
    const client = await harness.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query(lockAllSql(['SELECT pg_sleep(0.15)', 'LOCK TABLE a IN ACCESS SHARE MODE'], 200));
      const { rows } = await client.query<{ left: string }>(
        "SELECT setting AS left FROM pg_settings WHERE name = 'lock_timeout'",
      );
      expect(Number(rows[0]?.left)).toBeLessThanOrEqual(50);
      expect(Number(rows[0]?.left)).toBeGreaterThan(0);
      // What is left of a budget that is spent is not 0, which would mean no limit.
      await client.query(lockAllSql(['SELECT pg_sleep(0.02)', 'LOCK TABLE a IN ACCESS SHARE MODE'], 10));
      expect((await client.query('SHOW lock_timeout')).rows).toEqual([{ lock_timeout: '1ms' }]);
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  });

  it('does not swap once its lock is lost: another may be at work', async () => {
    await harness.run(
      'CREATE TABLE staging.a (id int PRIMARY KEY, t text); INSERT INTO staging.a SELECT generate_series(1, 40)',
    );
    const reader = await harness.clients.connect();
    await reader.query('BEGIN; SELECT * FROM a LIMIT 1');
    const working = cutover(harness.deps, stagingSet('a'), cutoverRequest);
    const ended = expect(working).rejects.toMatchObject({ code: 'NOT_ALLOWED_NOW' });
    while ((await listCutovers(harness.deps))[0]?.progress?.phase !== 'swap') await sleep(20);
    await loseLock();
    await reader.query('COMMIT');
    reader.release();
    await ended;
    expect(await harness.column('SELECT count(*)::int FROM a')).toEqual([30]);
  });

  it('lets the one who took over end it, whatever becomes of the one that lost its lock', async () => {
    const { stamp } = await cutover(harness.deps, stagingSet('a'), { ...cutoverRequest, hold: true });
    const [first, second] = [stopping(), stopping()];
    const lost = resume({ ...harness.deps, database: first.database }, stamp);
    const failing = expect(lost).rejects.toThrow('its connection was lost');
    await first.reached;
    await loseLock();
    while ((await listCutovers(harness.deps))[0]?.status !== 'interrupted') await sleep(20);
    const taken = resume({ ...harness.deps, database: second.database }, stamp);
    await second.reached;
    first.goOn(new Error('its connection was lost'));
    await failing;
    expect((await listCutovers(harness.deps))[0]).toMatchObject({ status: 'preparing', problems: [] });
    second.goOn();
    expect(await taken).toMatchObject({ unplanned: [] });
    expect((await listCutovers(harness.deps))[0]?.status).toBe('done');
    // As it was, for the next test.
    await rollbackCutover(harness.deps, stamp, cutoverRequest);
  });

  it('does what follows a swap when its process was lost right after it', async () => {
    await harness.run(
      'CREATE TABLE asks (id int PRIMARY KEY, a int CONSTRAINT asks_a REFERENCES a); INSERT INTO asks VALUES (1, 1)',
    );
    const own = new pg.Pool({ ...harness.pool.options, application_name: 'dying' });
    own.on('error', () => undefined);
    own.on('connect', (client) => client.on('error', () => undefined));
    const database = createCutoverDatabase(own);
    let died = (_error: Error) => {};
    const death = new Promise<void>((_, reject) => {
      died = reject;
    });
    // It dies at the first statement after the swap: nothing more is said to the database in its name.
    const dying = {
      ...database,
      run: (sql: string, ...rest: [never, never]) => {
        if (!sql.includes('"asks" VALIDATE')) return database.run(sql, ...rest);
        died(new Error('killed'));
        return new Promise<void>(() => undefined);
      },
    };
    await expect(
      Promise.race([death, cutover({ ...harness.deps, database: dying }, stagingSet('a'), cutoverRequest)]),
    ).rejects.toThrow('killed');
    await harness.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dying'");
    const validated = "SELECT convalidated FROM pg_constraint WHERE conname = 'asks_a'";
    expect(await harness.column(validated)).toEqual([false]);
    while ((await listCutovers(harness.deps))[0]?.nextActions.includes('go') !== true) await sleep(20);
    expect(await recover(harness.deps)).toEqual([]);
    expect(await harness.column(validated)).toEqual([true]);
    const [done] = await listCutovers(harness.deps);
    expect(done).toMatchObject({ status: 'done', unplanned: [], nextActions: ['rollback', 'drop-backup'] });
    // The next test counts rows and backups.
    await harness.run('DROP TABLE asks');
    await rollbackCutover(harness.deps, done?.stamp ?? '', cutoverRequest);
  });

  it('lists backups with age and size, restores an older one, and drops by command alone', async () => {
    const backups = (await listCutovers(harness.deps)).filter((one) => one.restorable);
    expect(backups).toHaveLength(2);
    expect(backups.every((one) => one.bytes > 0 && one.ageSeconds >= 0)).toBe(true);
    const [newest, oldest] = backups;
    await harness.run("INSERT INTO a VALUES (99, 'late')");
    const back = await rollbackCutover(harness.deps, oldest?.stamp ?? '', cutoverRequest);
    expect(back.unplanned).toEqual([]);
    expect(await harness.column('SELECT count(*)::int FROM a')).toEqual([11]);
    await dropBackup(harness.deps, newest?.stamp ?? '');
    expect((await listCutovers(harness.deps)).filter((one) => one.restorable)).toEqual([]);
    await expect(dropBackup(harness.deps, newest?.stamp ?? '')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(
      await harness.column(
        "SELECT count(*)::int FROM pg_trigger WHERE tgname LIKE '%drover_capture%' AND tgrelid = 'a'::regclass",
      ),
    ).toEqual([0]);
  });
});
