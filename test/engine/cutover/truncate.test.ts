import { afterAll, beforeAll, expect, it } from 'vitest';
import { cutover, rollbackCutover } from '../../../src/engine/cutover/cutover.ts';
import { cutoverRequest, type Harness, openHarness, stagingSet } from './harness.ts';

const shop = `shop_${process.pid}`;
// More rows than one page carries, so that parents and children come in different ones.
const many = 2_500;
const schema = `
CREATE SCHEMA staging; CREATE ROLE ${shop};
CREATE TABLE a (id int PRIMARY KEY, t text); CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a); CREATE TABLE log (t text);
INSERT INTO a SELECT g, 'old' FROM generate_series(1, ${many}) g; INSERT INTO b SELECT g, g FROM generate_series(1, ${many}) g;
INSERT INTO a VALUES (-1, 'only old'); INSERT INTO b VALUES (-1, -1); INSERT INTO log VALUES ('old'), ('x');
CREATE TABLE staging.a (id int PRIMARY KEY, t text); CREATE TABLE staging.b (id int PRIMARY KEY, a int REFERENCES staging.a);
CREATE TABLE staging.log (t text);
INSERT INTO staging.a SELECT g, 'new' FROM generate_series(1, ${many}) g; INSERT INTO staging.b SELECT g, g FROM generate_series(1, ${many}) g;
INSERT INTO staging.log VALUES ('new'), ('x');
GRANT ALL ON a, b, log TO ${shop};`;

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness();
  await harness.run(schema);
});
afterAll(async () => {
  await harness.run(`DROP OWNED BY ${shop}; DROP ROLE ${shop}`);
  await harness.close();
});

const rows = (of: string) => harness.column(`SELECT (x::text) FROM ${of} x ORDER BY 1`);

it('carries a TRUNCATE back: the rows it took go, what came later stays, and what only the backup had', async () => {
  const { stamp } = await cutover(harness.deps, stagingSet('a', 'b', 'log'), cutoverRequest);
  // As an application does, which may do nothing with Drover's tables.
  await harness.run(`SET ROLE ${shop}; INSERT INTO a VALUES (${many + 1}, 'before'); UPDATE a SET t = 'changed' WHERE id = 2;
    BEGIN; TRUNCATE a, b; INSERT INTO a VALUES (1, 'again'), (9999, 'later'); INSERT INTO b VALUES (7, 9999); COMMIT;
    TRUNCATE log; INSERT INTO log VALUES ('later'); RESET ROLE`);
  const back = await rollbackCutover(harness.deps, stamp, cutoverRequest);
  expect(back.unplanned).toEqual([]);
  expect(await rows('a')).toEqual(['(-1,"only old")', '(1,again)', '(9999,later)']);
  expect(await rows('b')).toEqual(['(-1,-1)', '(7,9999)']);
  expect(await rows('log')).toEqual(['(later)', '(old)']);
  // The old rows held another text than those that were emptied: they went all the same, and it is said.
  expect(back.conflicts.filter(({ detail }) => detail.includes('TRUNCATE') || detail.includes('not carried'))).toEqual(
    [],
  );
  expect(back.conflicts).toContainEqual({
    ...{ table: 'public.a', key: '3' },
    detail: 'deleted, though the backup held another t',
  });
}, 60_000);

it('carries an empty one, and one of many, and the tables can be launched again', async () => {
  await harness.run(`INSERT INTO staging.a SELECT g, 'new' FROM generate_series(1, 5) g ON CONFLICT DO NOTHING`);
  const spec = {
    ...stagingSet('a', 'b', 'log'),
    maxShrinkPercent: 100,
    tables: stagingSet('a', 'b', 'log').tables.map((one) => ({ ...one, minimum: 0 })),
  };
  const { stamp } = await cutover(harness.deps, spec, cutoverRequest);
  await harness.run('TRUNCATE a, b; TRUNCATE a CASCADE');
  const back = await rollbackCutover(harness.deps, stamp, cutoverRequest);
  expect(back.unplanned).toEqual([]);
  expect(await rows('b')).toEqual(['(-1,-1)']);
  expect(await rows('a')).toEqual(['(-1,"only old")']);
}, 60_000);

it('says so where nobody could see the rows', async () => {
  const spec = {
    ...stagingSet('log'),
    maxShrinkPercent: 100,
    tables: stagingSet('log').tables.map((one) => ({ ...one, minimum: 0 })),
  };
  const { stamp } = await cutover(harness.deps, spec, cutoverRequest);
  // What earlier versions recorded.
  await harness.run(
    `INSERT INTO drover.cutover_changes (stamp, schema_name, table_name, operation) VALUES ('${stamp}', 'public', 'log', 'TRUNCATE')`,
  );
  const back = await rollbackCutover(harness.deps, stamp, cutoverRequest);
  expect(back.conflicts).toEqual([
    { table: 'public.log', key: '', detail: expect.stringContaining('emptied by TRUNCATE since') },
  ]);
});
