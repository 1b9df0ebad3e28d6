import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { abandon, cutover, listCutovers, resume, rollbackCutover } from '../../../src/engine/cutover/cutover.ts';
import { createCutoverDatabase } from '../../../src/engine/cutover/store.ts';
import { cutoverRequest, type Harness, openHarness } from './harness.ts';

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness();
});
afterAll(() => harness.close());

/** Tables of schema `st<at>` go live in `live<at>`; in SQL they are written `st.t` and `live.t`. */
let schemas = 0;
async function openSet(sql: string, tables: readonly string[] = ['t']) {
  schemas += 1;
  const at = schemas;
  const named = (text: string) => text.replace(/\b(live|st)\./g, `$1${at}.`);
  const run = (text: string) => harness.run(named(text));
  await harness.run(`CREATE SCHEMA live${at}; CREATE SCHEMA st${at}`);
  await run(sql);
  const spec = {
    name: 'carry',
    tables: tables.map((name) => ({ incoming: { schema: `st${at}`, name }, live: { schema: `live${at}`, name } })),
  };
  const { stamp, unplanned } = await cutover(harness.deps, spec, cutoverRequest);
  expect(unplanned).toEqual([]);
  return { stamp, run, named, live: `live${at}`, column: (text: string) => harness.column(named(text)) };
}

describe('what was written since a cutover', () => {
  it('is as the last trigger left it', async () => {
    const { stamp, run, column } = await openSet(`
      CREATE TABLE live.t (id int PRIMARY KEY, n text); INSERT INTO live.t SELECT g, 'old' FROM generate_series(1, 5) g;
      CREATE TABLE st.t (LIKE live.t INCLUDING ALL); INSERT INTO st.t SELECT g, 'new' FROM generate_series(1, 8) g;
      CREATE FUNCTION live.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        EXECUTE format('UPDATE %s SET n = $1 WHERE id = $2', TG_RELID::regclass) USING NEW.n || '!', NEW.id; RETURN NULL; END $$;
      CREATE TRIGGER " a" AFTER INSERT OR UPDATE ON live.t FOR EACH ROW WHEN (NEW.n NOT LIKE '%!') EXECUTE FUNCTION live.f();`);
    await run(`UPDATE live.t SET n = 'hello' WHERE id = 2; INSERT INTO live.t VALUES (100, 'raw')`);
    const back = await rollbackCutover(harness.deps, stamp, cutoverRequest);
    expect(await column('SELECT n FROM live.t WHERE id IN (2, 100) ORDER BY id')).toEqual(['hello!', 'raw!']);
    expect(back.conflicts).toHaveLength(1);
  });

  it('has the same values whatever the client has set', async () => {
    const table = '(id int PRIMARY KEY, i interval, r daterange, f float8, b bytea, m money, z timestamptz)';
    const { stamp, run, live } = await openSet(`
      CREATE TABLE live.t ${table}; INSERT INTO live.t VALUES (1); CREATE TABLE st.t ${table}; INSERT INTO st.t VALUES (1);`);
    await run(`SET intervalstyle = sql_standard; SET datestyle = 'SQL, DMY'; SET extra_float_digits = 0; SET bytea_output = 'escape';
      SET timezone = 'Asia/Manila';
      INSERT INTO live.t VALUES (100, '-1 day -2:03:04', daterange('2025-02-01', '2025-03-04'), 0.1::float8 + 0.2::float8, '\\x00ff27', 1.5, '2025-02-01 08:00+08');
      INSERT INTO live.t SELECT id + 1, i, r, f, b, m, z FROM live.t WHERE id = 100; UPDATE live.t SET i = i WHERE id = 1;
      RESET ALL`);
    await rollbackCutover(harness.deps, stamp, cutoverRequest);
    const client = await harness.clients.connect();
    try {
      await client.query(`SET search_path = ${live}`);
      const { rows } =
        await client.query(`SELECT i::text, r::text, f::text, b::text, m::numeric::text, z = '2025-02-01 00:00Z' AS z
        FROM t WHERE id >= 100`);
      const value = {
        ...{ i: '-1 days -02:03:04', r: '[2025-02-01,2025-03-04)', f: '0.30000000000000004' },
        ...{ b: '\\x00ff27', m: '1.50', z: true },
      };
      expect(rows).toEqual([value, value]);
    } finally {
      client.release(true);
    }
  });

  it('keeps equal rows of a table without a key apart, and names one that cannot be carried by its values', async () => {
    const { stamp, run, column, live } = await openSet(`
      CREATE TABLE live.t (id int, n text); INSERT INTO live.t VALUES (1, 'a'); CREATE UNIQUE INDEX ON live.t (n) WHERE id < 0;
      CREATE TABLE st.t (id int, n text); INSERT INTO st.t VALUES (1, 'a');`);
    await run(`INSERT INTO live.t VALUES (100, 'x'); INSERT INTO live.t VALUES (100, 'x'); INSERT INTO live.t VALUES (1, 'a');
      INSERT INTO live.t VALUES (2, 'gone'), (2, 'gone'); DELETE FROM live.t WHERE ctid = (SELECT max(ctid) FROM live.t);
      INSERT INTO live.t VALUES (-1, 'once')`);
    const [backup] = await harness.column(
      `SELECT tables -> 0 -> 'displaced' ->> 'schema' FROM drover.cutovers WHERE stamp = '${stamp}'`,
    );
    await harness.run(`INSERT INTO "${backup}".t VALUES (-2, 'once')`);
    const back = await rollbackCutover(harness.deps, stamp, cutoverRequest);
    expect(await column('SELECT t::text FROM live.t ORDER BY 1')).toEqual([
      ...['(-2,once)', '(1,a)', '(1,a)', '(100,x)', '(100,x)', '(2,gone)'],
    ]);
    expect(back.conflicts).toEqual([
      { table: `${live}.t`, key: '-1, once', detail: expect.stringContaining('INSERT not carried: t_n_idx') },
    ]);
  });

  it('follows a key that was changed under ON UPDATE CASCADE', async () => {
    const tables = (schema: string) => `
      CREATE TABLE ${schema}.p (id int PRIMARY KEY); CREATE TABLE ${schema}.t (id int PRIMARY KEY, p int REFERENCES ${schema}.p ON UPDATE CASCADE);
      INSERT INTO ${schema}.p VALUES (1), (2), (3); INSERT INTO ${schema}.t VALUES (1, 1);`;
    const { stamp, run, column } = await openSet(tables('live') + tables('st'), ['p', 't']);
    await run('UPDATE live.p SET id = 100 WHERE id = 1');
    const back = await rollbackCutover(harness.deps, stamp, cutoverRequest);
    expect(await column('SELECT id FROM live.p ORDER BY id')).toEqual([2, 3, 100]);
    expect(await column('SELECT p FROM live.t')).toEqual([100]);
    expect(back.conflicts).toEqual([]);
  });
});

describe('what cannot be carried', () => {
  const refusing = `
    CREATE TABLE live.t (id int PRIMARY KEY, email text UNIQUE); INSERT INTO live.t VALUES (1, 'old@x'), (2, 'b');
    CREATE TABLE st.t (LIKE live.t INCLUDING ALL); INSERT INTO st.t VALUES (2, 'b'), (3, 'c');`;
  const refusedRow = (live: string) => ({
    ...{ table: `${live}.t`, key: '100' },
    detail: expect.stringContaining('t_email_key of the restored table refuses it'),
  });

  it('is listed when the swap had to be tried again', async () => {
    const { stamp, run, column, live } = await openSet(refusing);
    const reader = await harness.clients.connect();
    try {
      await reader.query(`BEGIN; SELECT * FROM ${live}.t`);
      const working = rollbackCutover(harness.deps, stamp, cutoverRequest);
      while ((await listCutovers(harness.deps))[0]?.progress?.phase !== 'swap') await sleep(20);
      await run(`INSERT INTO live.t VALUES (100, 'old@x')`);
      // Carried by a try that does not get its locks.
      while (
        (
          await column(
            `SELECT carried_into FROM drover.cutover_changes WHERE table_name = 't' AND schema_name = '${live}'`,
          )
        ).flat().length === 0
      )
        await sleep(20);
      await reader.query('COMMIT');
      const back = await working;
      expect(back.conflicts).toEqual([refusedRow(live)]);
      expect((await harness.deps.database.view(back.stamp))?.conflicts).toEqual([refusedRow(live)]);
      expect(await column('SELECT id FROM live.t ORDER BY id')).toEqual([1, 2]);
    } finally {
      reader.release(true);
    }
  });

  it('is listed when the process was killed and another went on, and by the next rollback when it was abandoned', async () => {
    const { stamp, run, live } = await openSet(refusing);
    await run(`INSERT INTO live.t VALUES (100, 'old@x')`);
    const own = new pg.Pool({ ...harness.pool.options, application_name: 'killed' });
    own.on('error', () => undefined);
    own.on('connect', (client) => client.on('error', () => undefined));
    const database = createCutoverDatabase(own);
    let die = (_error: Error) => {};
    const death = new Promise<void>((_, reject) => {
      die = reject;
    });
    const swap = () => {
      die(new Error('killed'));
      return new Promise<never>(() => undefined);
    };
    const working = rollbackCutover({ ...harness.deps, database: { ...database, swap } }, stamp, cutoverRequest);
    await expect(Promise.race([death, working])).rejects.toThrow('killed');
    await harness.run(
      "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'killed'",
    );
    const [interrupted] = await listCutovers(harness.deps);
    expect(interrupted).toMatchObject({ kind: 'rollback', status: 'interrupted', conflictCount: 1 });
    await abandon(harness.deps, interrupted?.stamp ?? '');
    const failing = { ...harness.deps.database, swap: () => Promise.reject(new Error('no locks')) };
    await expect(rollbackCutover({ ...harness.deps, database: failing }, stamp, cutoverRequest)).rejects.toThrow(
      'no locks',
    );
    const back = await rollbackCutover(harness.deps, stamp, cutoverRequest);
    expect(back.conflicts).toEqual([refusedRow(live)]);
  });

  it('is listed when `go` ends what a killed process began', async () => {
    const { stamp, run, live } = await openSet(refusing);
    await run(`INSERT INTO live.t VALUES (100, 'old@x')`);
    const lost = { ...harness.deps.database, saveStatus: () => Promise.reject(new Error('lost')) };
    await expect(rollbackCutover({ ...harness.deps, database: lost }, stamp, cutoverRequest)).rejects.toThrow('lost');
    const [interrupted] = await listCutovers(harness.deps);
    expect(interrupted).toMatchObject({ kind: 'rollback', status: 'interrupted' });
    expect((await resume(harness.deps, interrupted?.stamp ?? '')).conflicts).toEqual([refusedRow(live)]);
  });
});
