import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cutover, dropBackup, preflight, resume, rollbackCutover } from '../../../src/engine/cutover/cutover.ts';
import { cutoverRequest, type Harness, openHarness } from './harness.ts';

/**
 * Schemas that broke something once. Each makes `live.t` and `st.t` in schemas of its own, writes after the cutover, and
 * is looked at after the cutover and after the way back; forth and back again must go as well.
 */
interface Case {
  readonly name: string;
  readonly make: string;
  readonly writes?: string;
  /** What is asked, and what is to be answered when new and when old. */
  readonly ask?: readonly (readonly [sql: string, forth: unknown, back: unknown])[];
  readonly conflicts?: number;
}

const plain = (
  rows: string,
) => `CREATE TABLE live.t (id int PRIMARY KEY, n text); INSERT INTO live.t SELECT g, 'old' FROM generate_series(1, 5) g;
  CREATE TABLE st.t (id int PRIMARY KEY, n text); INSERT INTO st.t SELECT g, 'new' FROM generate_series(1, 8) g; ${rows}`;

const cases: readonly Case[] = [
  {
    name: 'materialized views on each other, with all that hangs on them',
    make: plain(`CREATE MATERIALIZED VIEW live.m1 AS SELECT id, n FROM live.t; CREATE INDEX m1i ON live.m1 (n, (id + 1));
      ALTER INDEX live.m1i ALTER COLUMN 2 SET STATISTICS 77; ALTER MATERIALIZED VIEW live.m1 CLUSTER ON m1i;
      COMMENT ON COLUMN live.m1.n IS 'mn'; ALTER MATERIALIZED VIEW live.m1 ALTER n SET STATISTICS 321, ALTER n SET STORAGE EXTERNAL;
      GRANT SELECT (n) ON live.m1 TO PUBLIC; CREATE STATISTICS live.ms ON id, n FROM live.m1;
      CREATE MATERIALIZED VIEW live.m2 AS SELECT count(*) AS c FROM live.m1; CREATE VIEW live.v AS SELECT c FROM live.m2;`),
    ask: [
      ['SELECT c::int FROM live.v', 8, 5],
      [`SELECT count(*)::int FROM pg_statistic_ext WHERE stxnamespace = 'live'::regnamespace AND stxname = 'ms'`, 1, 1],
    ],
  },
  {
    name: 'a unique value that changed hands between rows, in ten changes and more',
    make: `CREATE TABLE live.t (id int PRIMARY KEY, u int UNIQUE); INSERT INTO live.t SELECT g, g FROM generate_series(1, 5) g;
      CREATE TABLE st.t (id int PRIMARY KEY, u int UNIQUE); INSERT INTO st.t SELECT g, g FROM generate_series(1, 5) g;`,
    writes: `UPDATE live.t SET id = 50 WHERE id = 1; UPDATE live.t SET u = u; UPDATE live.t SET u = 9000 WHERE id = 2;
      UPDATE live.t SET u = u + 0; UPDATE live.t SET u = 2 WHERE id = 3; UPDATE live.t SET u = 3 WHERE id = 2;`,
    ask: [
      [
        'SELECT string_agg(id || $$:$$ || u, $$ $$ ORDER BY id) FROM live.t',
        '2:3 3:2 4:4 5:5 50:1',
        '2:3 3:2 4:4 5:5 50:1',
      ],
    ],
  },
  {
    name: 'columns with the names the engine gives things itself',
    make: `CREATE TABLE live.t (id int PRIMARY KEY, t text, r text, n text, "key" text, img text, "new" text, c text);
      INSERT INTO live.t SELECT g, 'a', 'a', 'a', 'a', 'a', 'a', 'a' FROM generate_series(1, 3) g;
      CREATE TABLE st.t (LIKE live.t); INSERT INTO st.t SELECT * FROM live.t;`,
    writes: `UPDATE live.t SET t = 'b', "key" = 'b', "new" = 'b' WHERE id = 2; DELETE FROM live.t WHERE id = 3;`,
    ask: [['SELECT string_agg(t || "key" || "new", $$ $$ ORDER BY id) FROM live.t', 'aaa bbb', 'aaa bbb']],
  },
  {
    name: 'defaults that name a table by its oid',
    make: `CREATE TABLE live.t (id int PRIMARY KEY, k regclass DEFAULT 'live.t'::regclass); INSERT INTO live.t VALUES (1);
      CREATE TABLE st.t (id int PRIMARY KEY, k regclass); INSERT INTO st.t VALUES (1);`,
    writes: 'INSERT INTO live.t (id) VALUES (2)',
    ask: [[`SELECT bool_and(k = 'live.t'::regclass) FROM live.t WHERE id = 2`, true, false]],
  },
  {
    name: 'keys to a partitioned table, and an index that is invalid',
    make: `CREATE TABLE live.p (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE live.p1 PARTITION OF live.p FOR VALUES FROM (0) TO (100);
      INSERT INTO live.p SELECT generate_series(1, 20); ${plain('')} ALTER TABLE live.t ADD CONSTRAINT tp FOREIGN KEY (id) REFERENCES live.p ON DELETE CASCADE;
      CREATE INDEX bad ON live.t (n); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'live.bad'::regclass;`,
    writes: 'DELETE FROM live.p WHERE id = 3',
    // The row that was deleted was another in the backup.
    conflicts: 1,
    ask: [['SELECT count(*)::int FROM live.t', 7, 4]],
  },
  {
    name: 'a function whose body PostgreSQL keeps parsed, over a materialized view',
    make: plain(`CREATE MATERIALIZED VIEW live.m AS SELECT count(*) AS c FROM live.t; CREATE VIEW live.over_m AS SELECT c FROM live.m;
      CREATE FUNCTION live.f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT m.c + t.n FROM live.m, (SELECT count(*) AS n FROM live.t) t; END;
      CREATE FUNCTION live.g() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT c FROM live.over_m; END;`),
    ask: [
      ['SELECT live.f()::int', 16, 10],
      ['SELECT live.g()::int', 8, 5],
    ],
  },
  {
    name: 'default privileges that would give a materialized view rights it does not have',
    make: plain(`CREATE MATERIALIZED VIEW live.mv AS SELECT count(*) AS c FROM live.t;
      DO $$ BEGIN EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES TO PUBLIC', 'live'); END $$;`),
    ask: [
      [
        `SELECT count(*)::int FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = 'live.mv'::regclass AND a.grantee = 0`,
        0,
        0,
      ],
    ],
  },
  {
    name: 'comments of foreign keys, in the set and out of it',
    make: plain(`ALTER TABLE live.t ADD parent int CONSTRAINT self REFERENCES live.t; ALTER TABLE st.t ADD parent int;
      CREATE TABLE live.o (id int PRIMARY KEY); INSERT INTO live.o SELECT generate_series(1, 10);
      ALTER TABLE live.t ADD CONSTRAINT out FOREIGN KEY (id) REFERENCES live.o;
      COMMENT ON CONSTRAINT self ON live.t IS 'one'; COMMENT ON CONSTRAINT out ON live.t IS 'two';`),
    ask: [
      [
        `SELECT string_agg(obj_description(oid, 'pg_constraint'), ' ' ORDER BY conname) FROM pg_constraint
          WHERE conrelid = 'live.t'::regclass AND contype = 'f'`,
        'two one',
        'two one',
      ],
    ],
  },
  {
    name: 'columns in another order, and targets of index columns',
    make: `CREATE TABLE live.t (id int PRIMARY KEY, n text); CREATE INDEX ex ON live.t (lower(n)); ALTER INDEX live.ex ALTER COLUMN 1 SET STATISTICS 55;
      INSERT INTO live.t VALUES (1, 'a'); CREATE TABLE st.t (n text, id int); INSERT INTO st.t VALUES ('a', 1);`,
    ask: [[`SELECT attstattarget::int FROM pg_attribute WHERE attrelid = 'live.ex'::regclass`, 55, 55]],
  },
  {
    // reorg/pg_repack 313, 307: no TOAST table on one side, and columns that were dropped.
    name: 'columns of plain storage only, and columns that were dropped on both sides',
    make: `CREATE TABLE live.t (id int PRIMARY KEY, gone text, c char(3), also numeric, f bool); ALTER TABLE live.t ALTER c SET STORAGE PLAIN;
      ALTER TABLE live.t DROP gone, DROP also; INSERT INTO live.t VALUES (1, 'a', true);
      CREATE TABLE st.t (x text, id int, f bool, y text, c char(3)); ALTER TABLE st.t DROP x, DROP y; INSERT INTO st.t VALUES (1, false, 'b');`,
    writes: `INSERT INTO live.t (id, c, f) VALUES (2, 'c', true); UPDATE live.t SET f = NULL WHERE id = 1`,
    conflicts: 1,
    ask: [
      [
        'SELECT string_agg(id || c || coalesce(f::text, $$-$$), $$ $$ ORDER BY id) FROM live.t',
        '1b- 2ctrue',
        '1a- 2ctrue',
      ],
    ],
  },
  {
    // fabianlindfors/reshape 60: generated names beyond 63 bytes became one.
    name: 'names of 63 bytes that differ at their end',
    make: `CREATE TABLE live.t (id int PRIMARY KEY, LONG_a int, LONG_b int, CONSTRAINT LONG_1 CHECK (id > 0), CONSTRAINT LONG_2 CHECK (id > -1));
      CREATE INDEX LONG_3 ON live.t (LONG_a); CREATE INDEX LONG_4 ON live.t (LONG_b); INSERT INTO live.t VALUES (1, 1, 1);
      CREATE FUNCTION live.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.LONG_b := 7; RETURN NEW; END';
      CREATE TRIGGER LONG_5 BEFORE UPDATE ON live.t FOR EACH ROW EXECUTE FUNCTION live.f();
      CREATE TRIGGER LONG_6 BEFORE INSERT ON live.t FOR EACH ROW EXECUTE FUNCTION live.f();
      CREATE TABLE live.LONG_7 (of int CONSTRAINT LONG_8 REFERENCES live.t); CREATE VIEW live.LONG_9 AS SELECT LONG_a, LONG_b FROM live.t;
      CREATE TABLE st.t (id int PRIMARY KEY, LONG_a int, LONG_b int); INSERT INTO st.t VALUES (1, 1, 1);`.replaceAll(
      'LONG',
      'n'.repeat(61),
    ),
    writes: 'UPDATE live.t SET id = 1; INSERT INTO live.t VALUES (2, 2, 2)',
    ask: [
      [
        `SELECT string_agg(NAME_b::text, ' ' ORDER BY NAME_a) FROM live.NAME_9`.replaceAll('NAME', 'n'.repeat(61)),
        '7 7',
        '7 7',
      ],
    ],
  },
  {
    // shayonj/pg-osc 71, 20; xataio/pgroll 668; bytebase 21255: where counters stand, whose they are, behind dropped columns.
    name: 'a serial, an identity behind a dropped column, and a sequence another table uses too',
    make: `CREATE SEQUENCE live.shared; CREATE TABLE live.t (gone int, id serial PRIMARY KEY, i int GENERATED ALWAYS AS IDENTITY, s int DEFAULT nextval('live.shared'));
      CREATE TABLE live.u (s int DEFAULT nextval('live.shared')); ALTER TABLE live.t DROP gone; INSERT INTO live.t SELECT FROM generate_series(1, 5);
      CREATE TABLE st.t (id int, gone int, i int, s int); ALTER TABLE st.t DROP gone; INSERT INTO st.t SELECT g, g, g FROM generate_series(1, 8) g;`,
    writes: 'INSERT INTO live.t DEFAULT VALUES; INSERT INTO live.u DEFAULT VALUES',
    ask: [
      ['SELECT max(id) || $$ $$ || max(i) || $$ $$ || (SELECT max(s) FROM live.u) FROM live.t', '9 9 10', '9 9 10'],
      [
        `SELECT pg_get_serial_sequence('live.t', 'id') ~ 't_id_seq' AND pg_get_serial_sequence('live.t', 'i') ~ 't_i_seq'`,
        true,
        true,
      ],
    ],
  },
  {
    // shayonj/pg-osc 119, 5; 81, 129: keys that are checked at the commit, and views elsewhere, on views.
    name: 'deferred keys from outside, and views in another schema that stand on each other',
    make: plain(`CREATE TABLE live.o (id int PRIMARY KEY, t int CONSTRAINT later REFERENCES live.t DEFERRABLE INITIALLY DEFERRED);
      INSERT INTO live.o VALUES (1, 1); CREATE VIEW st.elsewhere AS SELECT id, n FROM live.t WITH CASCADED CHECK OPTION;
      CREATE VIEW live.above AS SELECT e.n, o.id FROM st.elsewhere e JOIN live.o ON o.t = e.id;`),
    writes: `UPDATE st.elsewhere SET n = 'through' WHERE id = 1`,
    conflicts: 1,
    ask: [
      ['SELECT n FROM live.above', 'through', 'through'],
      [
        `SELECT condeferred AND convalidated FROM pg_constraint WHERE conname = 'later' AND conrelid = 'live.o'::regclass`,
        true,
        true,
      ],
    ],
  },
];

const refused: readonly (readonly [string, string, RegExp])[] = [
  [
    'an argument of the row type of a materialized view',
    `${plain('')} CREATE MATERIALIZED VIEW live.m AS SELECT id FROM live.t;
     CREATE FUNCTION live.f(live.m) RETURNS int LANGUAGE sql AS 'SELECT 1';`,
    /function live\.f\(live\.m\) uses the row type of live\.m/,
  ],
  [
    'a column and a domain of the row type of a materialized view',
    `${plain('')} CREATE MATERIALIZED VIEW live.m AS SELECT id FROM live.t; CREATE TABLE live.c (x live.m); CREATE DOMAIN live.d AS live.m;`,
    /column x of table live\.c uses the row type of live\.m.*type live\.d uses the row type of live\.m/,
  ],
  [
    'the target of a subscription',
    `${plain('')} INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate) VALUES (1, 'live.t'::regclass, 'r');`,
    /live\.t cannot be exchanged: a subscription writes to it/,
  ],
  [
    'a view that reads both',
    `${plain('')} CREATE VIEW st.diff AS SELECT id FROM st.t EXCEPT SELECT id FROM live.t;`,
    /st\.diff reads the live tables and st\.t too/,
  ],
  [
    'a default outside the set',
    `${plain('')} CREATE TABLE live.o (r regclass DEFAULT 'live.t'::regclass);`,
    /default value .* names live\.t/,
  ],
  [
    'an enum of its own',
    `CREATE TYPE live.m AS ENUM ('a'); CREATE TYPE st.m AS ENUM ('a'); CREATE TABLE live.t (m live.m); CREATE TABLE st.t (m st.m);`,
    /differs in type/,
  ],
  [
    'a child',
    `CREATE TABLE live.t (id int); CREATE TABLE live.c () INHERITS (live.t); CREATE TABLE st.t (id int);`,
    /inherits/,
  ],
];

describe('schemas that broke something once', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await openHarness();
  });
  afterAll(() => harness.close());

  /** The text with schemas of its own. */
  const namer = (at: number) => (text: string) =>
    text.replace(/\b(live|st)\./g, `$1${at}.`).replace(/'live'/g, `'live${at}'`);
  const specOf = (at: number) => ({
    name: 'nasty',
    tables: [{ incoming: { schema: `st${at}`, name: 't' }, live: { schema: `live${at}`, name: 't' } }],
  });

  it.each(cases.map((one, at) => ({ ...one, at })))(
    '$name',
    async ({ at, make, writes = '', ask = [], conflicts = 0 }) => {
      const named = namer(at);
      await harness.run(`CREATE SCHEMA live${at}; CREATE SCHEMA st${at}; ${named(make)}`);
      // Held first: whatever is made before the swap must bear being made twice.
      const { stamp } = await cutover(harness.deps, specOf(at), { ...cutoverRequest, hold: true });
      expect((await resume(harness.deps, stamp)).unplanned).toEqual([]);
      for (const write of writes.split(';').filter((text) => text.trim() !== '')) await harness.run(named(write));
      for (const [sql, forth] of ask) expect(await harness.column(named(sql))).toEqual([forth]);
      const back = await rollbackCutover(harness.deps, stamp, cutoverRequest);
      expect(back.unplanned).toEqual([]);
      expect(back.conflicts).toHaveLength(conflicts);
      for (const [sql, , old] of ask) expect(await harness.column(named(sql))).toEqual([old]);
      const again = await cutover(harness.deps, specOf(at), cutoverRequest);
      expect(again.unplanned).toEqual([]);
      expect((await rollbackCutover(harness.deps, again.stamp, cutoverRequest)).unplanned).toEqual([]);
      const left = `SELECT relname FROM pg_class WHERE relname LIKE 'drover%' AND relnamespace = 'live${at}'::regnamespace`;
      expect(await harness.column(left)).toEqual([]);
    },
  );

  it('leaves no recording on the tables when the backup is gone, and their counters go on', async () => {
    await harness.run(
      namer(
        300,
      )(`CREATE SCHEMA live300; CREATE SCHEMA st300; CREATE TABLE live.t (id serial PRIMARY KEY); INSERT INTO live.t DEFAULT VALUES;
        CREATE TABLE st.t (id int PRIMARY KEY); INSERT INTO st.t VALUES (1), (2);`),
    );
    const { stamp } = await cutover(harness.deps, specOf(300), cutoverRequest);
    await dropBackup(harness.deps, stamp);
    const triggers = `SELECT tgname FROM pg_trigger WHERE tgrelid = 'live300.t'::regclass AND NOT tgisinternal`;
    expect(await harness.column(triggers)).toEqual([]);
    expect(await harness.column('INSERT INTO live300.t DEFAULT VALUES RETURNING id')).toEqual([3]);
  });

  it('says which column or constraint the rows do not fit', async () => {
    await harness.run(
      namer(200)(`CREATE SCHEMA live200; CREATE SCHEMA st200; CREATE TABLE live.t (id int PRIMARY KEY, a int NOT NULL);
        CREATE TABLE st.t (id int, a int); INSERT INTO live.t VALUES (1, 1); INSERT INTO st.t VALUES (1, NULL);`),
    );
    await expect(cutover(harness.deps, specOf(200), cutoverRequest)).rejects.toThrow(
      /live200\.t.*required column is empty/,
    );
    const [failed] = await harness.deps.database.list();
    expect(failed).toMatchObject({
      status: 'failed',
      problems: [expect.stringContaining('live200.t')],
      nextActions: [],
    });
  });

  it.each(refused.map(([name, make, reason], at) => ({ name, make, reason, at: at + 100 })))(
    'refuses $name',
    async ({ make, reason, at }) => {
      await harness.run(`CREATE SCHEMA live${at}; CREATE SCHEMA st${at}; ${namer(at)(make)}`);
      expect((await preflight(harness.deps, specOf(at))).problems.join().replaceAll(String(at), '')).toMatch(reason);
    },
  );
});
