import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSqlPort } from '../../../db/sql.ts';
import { createEffectStore } from '../../../src/engine/api-effects/store.ts';
import type { Run } from '../../../src/engine/ledger/types.ts';
import { rollbackRun } from '../../../src/engine/rollback/rollback.ts';
import { createRollbackLedger, createRollbackStore } from '../../../src/engine/rollback/store.ts';
import { createRunStore } from '../../../src/engine/runs/store.ts';
import { createValidationLedger } from '../../../src/engine/validation/ledger.sql.ts';
import { createValidationTarget } from '../../../src/engine/validation/target.sql.ts';
import { validateRun } from '../../../src/engine/validation/validate.ts';
import { definePlan } from '../../../src/plan/define-plan.ts';
import type { JsonObject } from '../../../src/plan/json.ts';
import { columnsOf, statementsFor } from '../../../src/targets/postgres/statements.ts';
import { createHarness, type Harness, shop } from '../../helpers/shop-harness.ts';

const plan = definePlan({
  ...shop,
  entities: {
    customers: {
      ...shop.entities.customers,
      target: {
        ...shop.entities.customers.target,
        columns: {
          email: { type: 'text', unique: true, compareAs: 'email' },
          name: { type: 'text', nullable: true },
          role: { type: 'text', nullable: true, keepExisting: true },
        },
      },
    },
  },
  rules: [],
  mappingFiles: [],
});

const oldId = '00000000-0000-4000-8000-000000000001';
const otherId = '00000000-0000-4000-8000-000000000002';
let harness: Harness;
beforeAll(async () => {
  harness = await createHarness({ plan });
});
afterAll(() => harness.close());
beforeEach(() => harness.sql('TRUNCATE shop.customers, drover.identities, drover.changes'));

const customer = (email: string, rest: JsonObject = {}) => ({
  email,
  row: { email, name: 'Jane', role: 'client', ...rest },
});
const load = (records: Record<string, JsonObject>, given: Partial<Run> = {}) =>
  harness.load({ customers: records }, given);
const insert = (email: string, id = oldId, role = 'admin') =>
  harness.sql('INSERT INTO shop.customers (id, email, name, role) VALUES ($1, $2, NULL, $3)', [id, email, role]);
const rows = () => harness.sql('SELECT id::text, email, name, role FROM shop.customers ORDER BY id');
const outcomes = async (run: Run) =>
  (
    await harness.database.$client.query(
      `SELECT r.source_id, r.status, r.code, r.message, c.clean -> 'notes' AS notes FROM drover.records r
       LEFT JOIN drover.cleans c ON c.record_id = r.id WHERE r.run_id = $1 ORDER BY 1`,
      [run.id],
    )
  ).rows;
const setRole = (role: string) => harness.sql('UPDATE shop.customers SET role = $1', [role]);

async function validate(run: Run) {
  const deps = {
    ledger: createValidationLedger(harness.database),
    target: createValidationTarget(harness.target.$client),
    references: harness.ledger,
    rows: harness.rows,
  };
  const view = await validateRun(deps, run, plan, await createRunStore(harness.database).entities(run.id));
  return view.checks.filter(({ ok }) => !ok).map(({ name, rows }) => [name, ...rows.map(({ detail }) => detail)]);
}

describe('an account that is in the target under another spelling of its address', () => {
  it.each([
    ['case', 'Jane@Example.COM', 'jane@example.com'],
    ['decomposed letters', 'jose\u0301@example.com', 'josé@example.com'],
    ['composed letters', 'JOSÉ@example.com', 'jose\u0301@example.com'],
    ['blanks around it', ' \u00a0jane@example.com\t', 'jane@example.com'],
    ['an invisible character', 'ja\u200bne@exam\u00adple.com', 'jane@example.com'],
    ['a domain in letters', 'jane@BÜCHER.example', 'jane@xn--bcher-kva.example'],
    ['a domain in Punycode', 'jane@XN--bcher-kva.example', 'jane@bücher.example'],
  ])('gets no second row: %s', async (_what, existing, email) => {
    await insert(existing);
    const run = await load({ a: customer(email) });
    expect(await rows()).toEqual([{ id: oldId, email, name: 'Jane', role: 'admin' }]);
    expect(await outcomes(run)).toMatchObject([{ status: 'reconciled' }]);
    expect(await validate(run)).toEqual([]);
    const again = await load({ a: customer(email) });
    expect(await outcomes(again)).toMatchObject([{ status: 'skipped', code: 'UNCHANGED' }]);
    expect(await validate(again)).toEqual([]);
  });

  it('keeps other addresses apart', async () => {
    await insert('jane+shop@example.com');
    await insert('j.ane@example.com', otherId);
    await load({ a: customer('jane@example.com') });
    expect(await rows()).toHaveLength(3);
  });

  it('is looked up by an index, in a new table and in one that existed before', async () => {
    const { customers } = plan.entities;
    const plannedLookup = async () => {
      const columns = await columnsOf(createSqlPort(harness.target.$client), 'shop', customers);
      const { locate } = statementsFor('shop', customers, columns, false);
      const lines = await harness.sql<{ 'QUERY PLAN': string }>(`EXPLAIN ${locate}`, ['[]', 'shop/shop', 'customers']);
      return lines.map((line) => line['QUERY PLAN']).join('\n');
    };
    await harness.sql('DROP TABLE shop.customers CASCADE');
    await harness.rows.prepare(plan, ['customers'], 'shop');
    expect(await plannedLookup()).toMatch(/Index Scan.* on customers_email_email_key|using customers_email_email_key/);
    await harness.sql('DROP INDEX shop.customers_email_email_key');
    await harness.sql(
      `INSERT INTO shop.customers (id, email) SELECT gen_random_uuid(), 'User' || n || '@x.com' FROM generate_series(1, 20000) n`,
    );
    await harness.sql('ANALYZE shop.customers');
    await harness.rows.prepare(plan, ['customers'], 'shop');
    expect(await plannedLookup()).toMatch(/Index Scan.* on customers_email_email_key|using customers_email_email_key/);
    const run = await load(Object.fromEntries([1, 2, 3].map((n) => [`u${n}`, customer(`user${n}@x.com`)])));
    expect(await outcomes(run)).toMatchObject(Array(3).fill({ status: 'reconciled' }));
    expect(await harness.sql('SELECT count(*)::int AS n FROM shop.customers')).toEqual([{ n: 20_000 }]);
  });

  it('is reported instead of chosen where several rows have the address in other spellings', async () => {
    await insert('Jane@example.com');
    await insert('JANE@example.com', otherId);
    const dry = await load({ a: customer('jane@example.com') }, { dryRun: true });
    const run = await load({ a: customer('jane@example.com') });
    for (const one of [dry, run]) {
      const [record] = await outcomes(one);
      expect(record).toMatchObject({ status: 'rejected', code: 'TARGET_CONSTRAINT' });
      expect(record.message).toContain(oldId);
      expect(record.message).toContain(otherId);
    }
    expect(await rows()).toHaveLength(2);
  });

  it('is reported by the dry run and by validation where a second row with another spelling existed before', async () => {
    await insert('jane@example.com');
    await insert('Jane@Example.com', otherId);
    const dry = await load({ a: customer('jane@example.com') }, { dryRun: true });
    expect((await outcomes(dry))[0].message).toContain(otherId);
    const run = await load({ a: customer('jane@example.com') });
    expect((await outcomes(run))[0].notes).toEqual(expect.arrayContaining([expect.stringContaining(otherId)]));
    expect(await validate(run)).toEqual([
      ['no-doubles', `the row ${otherId} has the same natural key and belongs to no record`],
    ]);
  });

  it('is found by validation where two records of the run have a row each', async () => {
    const run = await load({ a: customer('a@example.com'), b: customer('b@example.com') });
    await harness.sql(`UPDATE shop.customers SET email = 'A@example.com' WHERE email = 'b@example.com'`);
    expect((await validate(run)).find(([name]) => name === 'no-doubles')).toEqual([
      'no-doubles',
      expect.stringMatching(/^the row \S+ of a has the same natural key$/),
    ]);
  });
});

describe('a right of an existing row', () => {
  it('is kept, with a note on the record, in the dry run as well', async () => {
    await insert('jane@example.com');
    const dry = await load({ a: customer('jane@example.com') }, { dryRun: true });
    expect((await outcomes(dry))[0]).toMatchObject({
      code: 'WOULD_UPDATE',
      message: expect.stringContaining('role keeps admin of the existing row; the source has client'),
    });
    const run = await load({ a: customer('jane@example.com') });
    expect((await rows())[0]).toMatchObject({ name: 'Jane', role: 'admin' });
    expect((await outcomes(run))[0].notes).toEqual(['role keeps admin of the existing row; the source has client']);
  });

  it('follows the source in a row of Drover, until another client changes it there; then it is kept permanently', async () => {
    await load({ a: customer('jane@example.com') });
    await load({ a: customer('jane@example.com', { role: 'coach' }) });
    expect((await rows())[0]).toMatchObject({ role: 'coach' });
    await setRole('admin');
    for (const name of ['Jane D.', 'Jane E.']) {
      const run = await load({ a: customer('jane@example.com', { role: 'client', name }) });
      expect((await rows())[0]).toMatchObject({ role: 'admin', name });
      expect((await outcomes(run))[0]).toMatchObject({
        status: 'reconciled',
        notes: ['role keeps admin of the existing row; the source has client'],
      });
      expect(await validate(run)).toEqual([]);
    }
  });

  it('follows the source again once the row is set to the value of the source by hand', async () => {
    await insert('jane@example.com');
    await load({ a: customer('jane@example.com') });
    await setRole('client');
    await load({ a: customer('jane@example.com', { role: 'coach' }) });
    expect((await rows())[0]).toMatchObject({ role: 'coach' });
  });

  it('follows the source where another client has changed other columns only', async () => {
    await load({ a: customer('jane@example.com') });
    await harness.sql(`UPDATE shop.customers SET name = 'by the shop'`);
    await load({ a: customer('jane@example.com', { role: 'coach' }) });
    expect((await rows())[0]).toMatchObject({ name: 'Jane', role: 'coach' });
  });

  it('that is changed after the load is found by validation', async () => {
    const run = await load({ a: customer('jane@example.com') });
    await setRole('admin');
    expect(await validate(run)).toEqual([['sample', 'differs in role']]);
  });

  it('is restored with the row by a rollback', async () => {
    await insert('Jane@example.com');
    const run = await load({ a: customer('jane@example.com') });
    const deps = {
      store: createRollbackStore(harness.target.$client),
      ledger: createRollbackLedger(harness.database),
      references: harness.ledger,
      rows: harness.rows,
      effects: createEffectStore(harness.database.$client),
    };
    expect(await rollbackRun(deps, run, plan, { dryRun: false })).toMatchObject({ restored: 1, conflicts: [] });
    expect(await rows()).toEqual([{ id: oldId, email: 'Jane@example.com', name: null, role: 'admin' }]);
  });

  it('that the row does not differ in is written as before', async () => {
    await insert('jane@example.com', oldId, 'client');
    const run = await load({ a: customer('jane@example.com') });
    expect((await outcomes(run))[0].notes).toBeNull();
    await load({ a: customer('jane@example.com', { role: 'coach' }) });
    expect((await rows())[0]).toMatchObject({ role: 'coach' });
  });
});
