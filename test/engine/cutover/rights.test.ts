import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cutover, preflight, rollbackCutover } from '../../../src/engine/cutover/cutover.ts';
import { createCutoverDatabase } from '../../../src/engine/cutover/store.ts';
import { cutoverRequest, type Harness, openHarness } from './harness.ts';

const [lead, clerk, owner] = [`lead_${process.pid}`, `clerk_${process.pid}`, `owner_${process.pid}`];

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness();
  await harness.run(`CREATE ROLE ${lead}; CREATE ROLE ${clerk}; CREATE ROLE ${owner}`);
});
afterAll(async () => {
  await harness.run(`DROP OWNED BY ${lead}, ${clerk}, ${owner}; DROP ROLE ${lead}, ${clerk}, ${owner}`);
  await harness.close();
});

const rightsSql = `
SELECT o.name || ': ' || pg_get_userbyid(a.grantor) || ' gave ' || a.privilege_type || ' to ' || a.grantee::regrole || ' ' || a.is_grantable
FROM (SELECT relname::text AS name, relacl AS acl FROM pg_class WHERE relnamespace = 'live'::regnamespace
  UNION ALL SELECT attrelid::regclass || '.' || attname, attacl FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'live'::regnamespace
) o, aclexplode(o.acl) a ORDER BY 1`;

it('keeps the role that gave a right, on tables, columns, sequences and materialized views', async () => {
  await harness.run(`CREATE SCHEMA live; CREATE SCHEMA st; GRANT USAGE, CREATE ON SCHEMA live TO ${owner}; GRANT USAGE ON SCHEMA live TO ${lead};
    CREATE TABLE live.t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text, b text); ALTER TABLE live.t OWNER TO ${owner};
    CREATE MATERIALIZED VIEW live.m AS SELECT id FROM live.t; ALTER MATERIALIZED VIEW live.m OWNER TO ${owner};
    CREATE TABLE st.t (LIKE live.t INCLUDING ALL); GRANT INSERT ON st.t TO ${clerk}; GRANT SELECT (b) ON st.t TO ${clerk};
    GRANT SELECT, UPDATE ON live.t TO ${lead} WITH GRANT OPTION; GRANT SELECT (b) ON live.t TO ${clerk};
    GRANT USAGE ON SEQUENCE live.t_id_seq TO ${lead} WITH GRANT OPTION; GRANT SELECT ON live.m TO ${lead} WITH GRANT OPTION;
    SET ROLE ${lead}; GRANT SELECT ON live.t TO ${clerk}; GRANT UPDATE (a) ON live.t TO ${clerk};
    GRANT USAGE ON SEQUENCE live.t_id_seq TO ${clerk}; GRANT SELECT ON live.m TO ${clerk}; RESET ROLE;
    GRANT SELECT ON live.t TO ${clerk}`);
  const rights = await harness.column(rightsSql);
  expect(rights.filter((text) => String(text).includes(`${lead} gave`))).toHaveLength(4);
  const spec = {
    ...{ name: 'rights', maxShrinkPercent: 100 },
    tables: [{ incoming: { schema: 'st', name: 't' }, live: { schema: 'live', name: 't' }, minimum: 0 }],
  };
  const { stamp, unplanned } = await cutover(harness.deps, spec, cutoverRequest);
  expect(unplanned).toEqual([]);
  expect(await harness.column(rightsSql)).toEqual(rights);
  expect((await rollbackCutover(harness.deps, stamp, cutoverRequest)).unplanned).toEqual([]);
  expect(await harness.column(rightsSql)).toEqual(rights);
  expect(await harness.column(`SELECT has_schema_privilege('${lead}', 'st', 'USAGE')`)).toEqual([false]);
});

it('refuses beforehand where the role that gave a right cannot be acted as', async () => {
  await harness.run(`CREATE SCHEMA other; CREATE SCHEMA other_st; GRANT USAGE ON SCHEMA other, other_st, drover TO ${owner}; GRANT USAGE ON SCHEMA other TO ${lead};
    CREATE TABLE other.t (id int PRIMARY KEY); CREATE TABLE other_st.t (id int PRIMARY KEY);
    ALTER TABLE other.t OWNER TO ${owner}; ALTER TABLE other_st.t OWNER TO ${owner};
    GRANT SELECT ON other.t TO ${lead} WITH GRANT OPTION; SET ROLE ${lead}; GRANT SELECT ON other.t TO ${clerk}; RESET ROLE`);
  const pool = new pg.Pool({ ...harness.pool.options, options: `-c role=${owner}` });
  try {
    const spec = {
      name: 'rights',
      tables: [{ incoming: { schema: 'other_st', name: 't' }, live: { schema: 'other', name: 't' }, minimum: 0 }],
    };
    const { problems } = await preflight({ ...harness.deps, database: createCutoverDatabase(pool) }, spec);
    expect(problems).toEqual([`${lead} gave rights on other.t, and ${owner} may not act as that role`]);
  } finally {
    await pool.end();
  }
});
