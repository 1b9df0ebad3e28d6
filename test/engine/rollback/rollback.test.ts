import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createEffectStore } from '../../../src/engine/api-effects/store.ts';
import { targetIdOf } from '../../../src/engine/ledger/hashes.ts';
import type { Run } from '../../../src/engine/ledger/types.ts';
import { type RollbackDeps, rollbackRun, rollbackSql } from '../../../src/engine/rollback/rollback.ts';
import { createRollbackLedger, createRollbackStore } from '../../../src/engine/rollback/store.ts';
import { targetScope } from '../../../src/engine/runs/context.ts';
import { checksum, createHarness, type Harness, shop } from '../../helpers/shop-harness.ts';

const tables = ['shop.customers', 'shop.payments', 'drover.identities', 'drover.changes'];
const hostile = `'; DROP TABLE shop.customers; -- \\' $undo$ \u2028 :'x' \\! E'\\x27' "quoted" \u{1f480} ünï`;

let harness: Harness;
let deps: RollbackDeps;

beforeAll(async () => {
  harness = await createHarness();
});
afterAll(() => harness.close());

beforeEach(async () => {
  await harness.sql('TRUNCATE shop.customers, shop.payments, drover.identities, drover.changes');
  deps = {
    store: createRollbackStore(harness.target.$client),
    ledger: createRollbackLedger(harness.database),
    references: harness.ledger,
    rows: harness.rows,
    effects: createEffectStore(harness.database.$client),
  };
});

const undo = (run: Run, dryRun = false) => rollbackRun(deps, run, shop, { dryRun });

async function scriptOf(run: Run): Promise<string> {
  let text = '';
  for await (const piece of rollbackSql(deps, run, shop)) text += piece;
  return text;
}

/** Like psql: on a separate connection with other settings. */
async function runScript(text: string): Promise<void> {
  const { connectionString } = harness.target.$client.options;
  const client = new pg.Client({ connectionString, options: '-c timezone=Asia/Manila -c datestyle=German' });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}

const ways = [
  ['the function', async (run: Run) => void (await undo(run))],
  ['the script', async (run: Run) => runScript(await scriptOf(run))],
] as const;

const customer = (email: string, rest = {}) => ({ email, row: { email, name: email, ...rest } });
const payment = (customerId: string, amount: string, rest = {}) => ({
  customer: customerId,
  row: { amount, currency: 'USD', status: 'paid', ...rest },
});

describe.each(ways)('a rollback by %s', (_name, rollBack) => {
  it('restores a target that had rows before the run', async () => {
    await harness.sql(`ALTER TABLE shop.customers ADD COLUMN extra jsonb DEFAULT 'null'`);
    onTestFinished(async () => void (await harness.sql('ALTER TABLE shop.customers DROP COLUMN extra')));
    await harness.sql(`INSERT INTO shop.customers (id, email, name, tags, data, secret) VALUES
      (gen_random_uuid(), 'old@x', 'Old', '{a,"b c",NULL}', '{"n": 12345678901234567890.123, "deep": [null, {"a": "\\u00fc"}]}', 'kept'),
      (gen_random_uuid(), 'stays@x', NULL, NULL, 'null', NULL)`);
    await harness.sql(`INSERT INTO shop.payments (id, amount, currency, status, paid_at)
      VALUES (gen_random_uuid(), 1.5, 'EUR', 'paid', '2024-02-29 23:59:59.123456+03')`);
    const before = await checksum(harness, tables);
    const run = await harness.load({
      customers: {
        a: customer('old@x', { data: { other: true }, tags: ['z'], secret: 'new' }),
        b: customer('new@x', { name: hostile }),
        [hostile]: customer(hostile),
      },
      payments: { p: payment('a', '3', { paid_at: '2025-03-30T00:30:00+08:00' }), q: payment('b', '4.0001') },
    });
    expect(await checksum(harness, tables)).not.toEqual(before);
    await rollBack(run);
    expect(await checksum(harness, tables)).toEqual(before);
    await rollBack(run);
    expect(await checksum(harness, tables)).toEqual(before);
  });

  it('undoes one run and not the one before it, identities and merged records included', async () => {
    const first = await harness.load({
      customers: { a: customer('a@x'), b: { ...customer('a@x'), email: 'a@x' }, c: customer('c@x') },
      payments: { p: payment('b', '1') },
    });
    const before = await checksum(harness, tables);
    const second = await harness.load({
      customers: { a: customer('a@x', { name: 'renamed' }), c: customer('c@x'), d: customer('d@x') },
      payments: { p: payment('a', '2'), q: payment('d', '9') },
    });
    const refused = await undo(first, true);
    expect(refused.conflicts.map((conflict) => conflict.detail)).toContain(
      `run ${second.id} has written it since: roll that one back first`,
    );
    await rollBack(second);
    expect(await checksum(harness, tables)).toEqual(before);
    await rollBack(first);
    expect(await harness.sql('SELECT 1 FROM shop.customers UNION ALL SELECT 1 FROM drover.identities')).toEqual([]);
  });

  it('keeps rows that were changed since or are referenced by other rows', async () => {
    onTestFinished(async () => void (await harness.sql('DROP TABLE IF EXISTS shop.reviews')));
    await harness.sql(`CREATE TABLE IF NOT EXISTS shop.reviews (id serial PRIMARY KEY,
      customer uuid REFERENCES shop.customers (id) ON DELETE CASCADE)`);
    const run = await harness.load({
      customers: { a: customer('a@x'), b: customer('b@x'), c: customer('c@x'), d: customer('d@x') },
      payments: { p: payment('a', '1'), q: payment('c', '2'), r: payment('d', '3') },
    });
    await harness.sql(`UPDATE shop.payments SET amount = 99 WHERE amount = 1`);
    await harness.sql(`INSERT INTO shop.reviews (customer) SELECT id FROM shop.customers WHERE email = 'b@x'`);
    // Written again without a change: nothing would be lost.
    await harness.sql(`UPDATE shop.customers SET name = name WHERE email = 'c@x'`);
    await rollBack(run);
    expect(await harness.sql('SELECT email FROM shop.customers ORDER BY 1')).toEqual([
      { email: 'a@x' },
      { email: 'b@x' },
    ]);
    expect(await harness.sql('SELECT amount::text FROM shop.payments')).toEqual([{ amount: '99.0000' }]);
    expect(await harness.sql('SELECT count(*)::int AS n FROM shop.reviews')).toEqual([{ n: 1 }]);
    const { conflicts } = await undo(run, true);
    expect(conflicts.map(({ entity, detail }) => [entity, detail])).toEqual([
      ['customers', 'a row of shop.payments points at it (payments_customer_id_fkey)'],
      ['customers', 'a row of shop.reviews points at it (reviews_customer_fkey)'],
      ['payments', 'changed since by someone else'],
    ]);
    await harness.sql('DROP TABLE shop.reviews');
    await harness.sql('DELETE FROM shop.payments');
    await rollBack(run);
    expect(await harness.sql('SELECT 1 FROM shop.customers UNION ALL SELECT 1 FROM drover.changes')).toEqual([]);
  });
});

describe('a rollback', () => {
  it('reports in a dry run what it would do, and does nothing', async () => {
    await harness.sql(`INSERT INTO shop.customers (id, email) VALUES (gen_random_uuid(), 'old@x')`);
    const run = await harness.load({ customers: { a: customer('old@x'), b: customer('b@x') } });
    const before = await checksum(harness, tables);
    expect(await undo(run, true)).toEqual({
      ...{ runId: run.id, dryRun: true, status: 'done', done: 2, total: 2 },
      ...{ removed: 1, restored: 1, conflicts: [], error: null },
    });
    expect(await checksum(harness, tables)).toEqual(before);
    expect(await undo(run)).toMatchObject({ removed: 1, restored: 1, conflicts: [] });
    expect(await undo(run)).toMatchObject({ removed: 0, restored: 0, conflicts: [] });
  });

  it('restores a unique value that a row removed later in the rollback holds', async () => {
    const first = await harness.load({ customers: { a: customer('one@x') } });
    const before = await checksum(harness, tables);
    const second = await harness.load({ customers: { a: customer('two@x') } });
    const scope = targetScope({ id: second.id, targetSchema: 'shop' }, shop, 'customers');
    const row = { sourceId: 'b', targetId: randomUUID(), row: customer('one@x').row, hash: '' };
    await harness.rows.load(scope, [row], { dryRun: false, skipExisting: false });
    expect(await undo(second)).toMatchObject({ removed: 1, restored: 1, conflicts: [] });
    expect(await checksum(harness, tables)).toEqual(before);
    expect(await undo(first)).toMatchObject({ removed: 1 });
  });

  it('lists a row whose old content is refused and undoes the others', async () => {
    const first = await harness.load({ customers: { a: customer('a@x'), b: customer('b@x') } });
    const second = await harness.load({ customers: { a: customer('c@x'), b: customer('d@x') } });
    await harness.sql(`INSERT INTO shop.customers (id, email) VALUES (gen_random_uuid(), 'a@x')`);
    const undone = await undo(second);
    expect(undone).toMatchObject({ removed: 0, restored: 1 });
    expect(undone.conflicts).toEqual([
      { entity: 'customers', targetId: targetIdOf('shop', 'customers', 'a'), detail: expect.stringMatching(/unique/) },
    ]);
    await harness.sql(`DELETE FROM shop.customers WHERE email = 'a@x'`);
    expect(await undo(second)).toMatchObject({ restored: 1, conflicts: [] });
    expect(await undo(first)).toMatchObject({ removed: 2, conflicts: [] });
  });

  it('keeps what another client wrote into a column outside the plan', async () => {
    await harness.sql('ALTER TABLE shop.customers ADD COLUMN seen timestamptz');
    onTestFinished(async () => void (await harness.sql('ALTER TABLE shop.customers DROP COLUMN seen')));
    await harness.sql(
      `INSERT INTO shop.customers (id, email) VALUES (gen_random_uuid(), 'old@x'), (gen_random_uuid(), 'too@x')`,
    );
    const run = await harness.load({ customers: { a: customer('old@x'), b: customer('too@x'), c: customer('c@x') } });
    await harness.sql(`UPDATE shop.customers SET seen = now() WHERE email IN ('old@x', 'c@x')`);
    const undone = await undo(run);
    expect(undone).toMatchObject({ removed: 0, restored: 1 });
    expect(undone.conflicts.map(({ detail }) => detail)).toEqual(Array(2).fill('changed since by someone else'));
  });

  it('names a newer run of another plan as the cause instead of another client', async () => {
    const first = await harness.load({ customers: { a: customer('a@x') } });
    const scope = { ...targetScope({ id: 'newer', targetSchema: 'shop' }, shop, 'customers'), plan: 'other' };
    const targetId = targetIdOf('shop', 'customers', 'a');
    const row = { sourceId: 'z', targetId, row: customer('a@x', { name: 'Renamed' }).row, hash: '' };
    await harness.rows.load(scope, [row], { dryRun: false, skipExisting: false });
    const newer = 'run newer has written it since: roll that one back first';
    expect((await undo(first)).conflicts).toEqual([{ entity: 'customers', targetId, detail: newer }]);
    expect(await scriptOf(first)).toContain('has written it since');
  });

  it('undoes the run after every row was rewritten without a change, as a restored dump does', async () => {
    await harness.sql(`INSERT INTO shop.customers (id, email, name) VALUES (gen_random_uuid(), 'old@x', 'Old')`);
    const before = await checksum(harness, tables);
    const run = await harness.load({
      customers: { a: customer('old@x'), b: customer('b@x') },
      payments: { p: payment('a', '1') },
    });
    // Writes every row again, as a restore or a rewrite of the table does.
    await harness.sql('UPDATE shop.customers SET email = email');
    await harness.sql('UPDATE shop.payments SET amount = amount');
    expect(await undo(run)).toMatchObject({ removed: 2, restored: 1, conflicts: [] });
    expect(await checksum(harness, tables)).toEqual(before);
  });

  it('does not undo rows that were loaded again after an earlier rollback', async () => {
    const records = { customers: { a: customer('a@x') } };
    const first = await harness.load(records);
    const script = await scriptOf(first);
    await undo(first);
    await harness.load(records);
    const before = await checksum(harness, tables);
    await runScript(script);
    expect(await checksum(harness, tables)).toEqual(before);
  });

  it('writes a script in ASCII only', async () => {
    const run = await harness.load({
      customers: { [hostile]: customer(hostile, { name: hostile, data: { [hostile]: hostile } }) },
    });
    expect(await scriptOf(run)).toMatch(/^[\x20-\x7e\n]*$/);
  });
});
