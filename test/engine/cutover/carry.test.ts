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

describe('of one statement that changes many rows', () => {
  it('a row is as the AFTER trigger of another row left it', async () => {
    const { stamp, run, column } = await openSet(`
      CREATE TABLE live.t (id int PRIMARY KEY, n text); INSERT INTO live.t SELECT g, 'old' FROM generate_series(1, 6) g;
      CREATE TABLE st.t (LIKE live.t INCLUDING ALL); INSERT INTO st.t SELECT * FROM live.t;
      CREATE FUNCTION live.f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP = 'DELETE' THEN
          EXECUTE format('INSERT INTO %s VALUES ($1 + 1, ''again'') ON CONFLICT DO NOTHING', TG_RELID::regclass) USING OLD.id;
        ELSIF pg_trigger_depth() = 1 THEN
          EXECUTE format('UPDATE %s SET n = n || $1 WHERE id = $1 + 1', TG_RELID::regclass) USING NEW.id;
        END IF; RETURN NULL; END $$;
      CREATE TRIGGER a AFTER UPDATE OR DELETE ON live.t FOR EACH ROW EXECUTE FUNCTION live.f();`);
    await run(`UPDATE live.t SET n = 'new' WHERE id IN (1, 2); DELETE FROM live.t WHERE id IN (4, 5)`);
    const rows = 'SELECT t::text FROM live.t ORDER BY id';
    const written = await column(rows);
    expect(written).toEqual(['(1,new)', '(2,new1)', '(3,old2)', '(5,again)', '(6,old)']);
    const back = await rollbackCutover(harness.deps, stamp, cutoverRequest);
    expect(await column(rows)).toEqual(written);
    expect(back.conflicts).toEqual([]);
  });
});

describe('values that JSON does not keep', () => {
  it('come back as they were written, and the recording refuses none', async () => {
    const { stamp, run, column } = await openSet(`CREATE DOMAIN live.d AS jsonb;
      CREATE TABLE live.t (id int PRIMARY KEY, j jsonb, k json, d live.d, a int[], f float8); INSERT INTO live.t VALUES (1);
      CREATE TABLE st.t (LIKE live.t INCLUDING ALL); INSERT INTO st.t VALUES (1);`);
    await run(`INSERT INTO live.t VALUES (2, 'null', '{"a":1,  "a":"\\u0000"}', 'null', '[2:3]={1,2}', '-0');
      INSERT INTO live.t VALUES (3); UPDATE live.t SET j = 'null', f = '-0' WHERE id = 1`);
    const rows = 'SELECT t::text FROM live.t ORDER BY id';
    const written = await column(rows);
    expect(written).toEqual([
      '(1,null,,,,-0)',
      '(2,null,"{""a"":1,  ""a"":""\\\\u0000""}",null,"[2:3]={1,2}",-0)',
      '(3,,,,,)',
    ]);
    const back = await rollbackCutover(harness.deps, stamp, cutoverRequest);
    expect(await column(rows)).toEqual(written);
    expect(back.conflicts).toEqual([]);
  });
});

describe('a key', () => {
  it('is the same where its type says so, is compared whole, and follows an identity that is always generated', async () => {
    const tables = (schema: string) => `
      CREATE TABLE ${schema}.t (id text COLLATE live.folded PRIMARY KEY, n int); INSERT INTO ${schema}.t VALUES ('Ann', 1), ('BOB', 1);
      CREATE TABLE ${schema}.g (id int, n int, half int GENERATED ALWAYS AS (n / 2) STORED, PRIMARY KEY (id, half));
      INSERT INTO ${schema}.g VALUES (1, 2), (1, 4), (1, 6);
      CREATE TABLE ${schema}.i (id int GENERATED ALWAYS AS IDENTITY (START 7) PRIMARY KEY, n text);
      INSERT INTO ${schema}.i OVERRIDING SYSTEM VALUE VALUES (1, 'a');`;
    const { stamp, run, column } = await openSet(
      `CREATE COLLATION live.folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false); ${tables('live')} ${tables('st')}`,
      ['t', 'g', 'i'],
    );
    await run(`DELETE FROM live.t WHERE id = 'ann'; INSERT INTO live.t VALUES ('ANN', 2);
      DELETE FROM live.g WHERE n = 4; UPDATE live.i SET id = DEFAULT`);
    const all = [
      'SELECT t::text FROM live.t ORDER BY id',
      'SELECT g::text FROM live.g ORDER BY n',
      'SELECT i::text FROM live.i',
    ];
    const written = await Promise.all(all.map(column));
    expect(written).toEqual([['(ANN,2)', '(BOB,1)'], ['(1,2,1)', '(1,6,3)'], ['(7,a)']]);
    await rollbackCutover(harness.deps, stamp, cutoverRequest);
    expect(await Promise.all(all.map(column))).toEqual(written);
    const identity = `SELECT attidentity::text FROM pg_attribute WHERE attrelid = 'live.i'::regclass AND attname = 'id'`;
    expect(await column(identity)).toEqual(['a']);
  });
});

describe('the recording', () => {
  it('is missed by the dry run of the way back where it was switched off', async () => {
    const { stamp, run, live } = await openSet(`
      CREATE TABLE live.t (id int PRIMARY KEY); INSERT INTO live.t VALUES (1); CREATE TABLE st.t (id int PRIMARY KEY); INSERT INTO st.t VALUES (1);`);
    const dryRun = async () =>
      (await rollbackCutover(harness.deps, stamp, { ...cutoverRequest, dryRun: true })).plan.warnings;
    expect(await dryRun()).toEqual([]);
    await run('ALTER TABLE live.t DISABLE TRIGGER ALL');
    expect(await dryRun()).toEqual([expect.stringMatching(`^${live}.t: the triggers that record changes are missing`)]);
    await run('ALTER TABLE live.t ENABLE TRIGGER ALL');
    await rollbackCutover(harness.deps, stamp, cutoverRequest);
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
