import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { ValidationView } from '../../../src/contract/runs.ts';
import { createEffectStore } from '../../../src/engine/api-effects/store.ts';
import type { Run } from '../../../src/engine/ledger/types.ts';
import { rollbackRun } from '../../../src/engine/rollback/rollback.ts';
import { createRollbackLedger, createRollbackStore } from '../../../src/engine/rollback/store.ts';
import { createRunStore } from '../../../src/engine/runs/store.ts';
import type { ValidationDeps } from '../../../src/engine/validation/check.ts';
import { createValidationLedger } from '../../../src/engine/validation/ledger.sql.ts';
import { computeSums } from '../../../src/engine/validation/sums.ts';
import { createValidationTarget } from '../../../src/engine/validation/target.sql.ts';
import { latestValidation, validateRun } from '../../../src/engine/validation/validate.ts';
import { numericToMinor } from '../../../src/money.ts';
import type { Plan } from '../../../src/plan/contract.ts';
import { createHarness, type Harness, shop } from '../../helpers/shop-harness.ts';

let harness: Harness;
let deps: ValidationDeps;

beforeAll(async () => {
  harness = await createHarness();
  deps = {
    ledger: createValidationLedger(harness.database),
    target: createValidationTarget(harness.target.$client),
    references: harness.ledger,
    rows: harness.rows,
  };
});
afterAll(() => harness.close());
beforeEach(() => harness.sql('TRUNCATE shop.customers, shop.payments, drover.identities, drover.changes'));

const customer = (email: string) => ({ email, row: { email, name: email } });
const payment = (amount: string, currency = 'USD', rest = {}) => ({
  customer: 'a',
  minor: String(numericToMinor(amount, currency)),
  currency,
  status: 'paid',
  row: { amount, currency, status: 'paid' },
  ...rest,
});
const some = (count: number, make: (n: number) => object) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`p${n}`, make(n)])) as Record<string, never>;

async function validate(run: Run, plan: Plan = shop): Promise<ValidationView> {
  return validateRun(deps, run, plan, await createRunStore(harness.database).entities(run.id));
}

/** Failed checks with the source ids they list. */
const failedChecks = (view: ValidationView) =>
  Object.fromEntries(
    view.checks
      .filter((check) => !check.ok)
      .map((check) => [`${check.entity} ${check.name}`, check.rows.map((row) => row.sourceId)]),
  );

const detailOf = (view: ValidationView, name: string) =>
  view.checks.find((check) => check.name === name)?.rows[0]?.detail;
const idOf = async (sourceId: string) =>
  (
    await harness.sql<{ id: string }>('SELECT target_id AS id FROM drover.identities WHERE source_id = $1', [sourceId])
  )[0]?.id;

describe('validation', () => {
  it('is green when the target equals the source, merged and unchanged records included', async () => {
    const records = {
      customers: { a: customer('a@x'), b: customer('a@x') },
      payments: some(120, (n) => payment(`${n + 1}.25`)),
    };
    const first = await validate(await harness.load(records));
    expect([first.status, failedChecks(first)]).toEqual(['green', {}]);
    const again = await validate(await harness.load(records));
    expect([again.status, failedChecks(again)]).toEqual(['green', {}]);
    expect(again.checks.find((check) => check.name === 'sample' && check.entity === 'payments')?.checked).toBe(100);
    const dry = await validate(await harness.load(records, { dryRun: true }));
    expect(dry.checks.map((check) => check.name)).toEqual([
      'source-count',
      'balance',
      'settled',
      'source-count',
      'balance',
      'settled',
    ]);
  });

  it('lists the changed amount, the deleted row and the duplicate payment', async () => {
    const run = await harness.load({
      customers: { a: customer('a@x') },
      payments: some(3_000, (n) => payment(`${n + 1}`)),
    });
    await harness.sql('UPDATE shop.payments SET amount = 0.01 WHERE id = $1', [await idOf('p17')]);
    await harness.sql('DELETE FROM shop.payments WHERE id = $1', [await idOf('p18')]);
    await harness.sql(
      `INSERT INTO shop.payments SELECT ($2::uuid), customer_id, amount, currency, status, paid_at
      FROM shop.payments WHERE id = $1`,
      [await idOf('p19'), randomUUID()],
    );
    const view = await validate(run);
    expect(view.status).toBe('red');
    expect(failedChecks(view)).toMatchObject({
      'payments row-count': ['p18'],
      'payments no-doubles': ['p19'],
      'payments money': ['p17', 'p18'],
    });
    expect(detailOf(view, 'money')).toBe('source 1800 USD paid, target 1 USD paid (minor units)');
    const money = view.checks.find((check) => check.name === 'money');
    expect(money?.description).toMatch(/USD paid: source \d+ is not target \d+ \+ unloaded 0/);
  });

  it('lists every row that breaks a rule once', async () => {
    const run = await harness.load({
      customers: { a: customer('a@x'), lazy: customer('b@x') },
      payments: some(1_500, (n) => payment(n % 3 ? '-1' : '1')),
    });
    const view = await validate(run);
    expect(failedChecks(view)['payments amount-positive']).toHaveLength(1_000);
    expect(new Set(failedChecks(view)['payments amount-positive']).size).toBe(1_000);
    expect(failedChecks(view)['customers has-paid']).toEqual(['lazy']);
    expect(view.checks.find((check) => check.name === 'amount-positive')).toMatchObject({
      checked: 1_500,
      violations: 1_000,
      severity: 'error',
    });
  });

  it('finds dangling references, and two records that share a row', async () => {
    const run = await harness.load({
      customers: { a: customer('a@x'), c: customer('c@x') },
      payments: some(3, () => payment('1')),
    });
    await harness.sql('ALTER TABLE shop.payments DROP CONSTRAINT payments_customer_id_fkey');
    onTestFinished(async () => {
      await harness.sql('DELETE FROM shop.payments');
      await harness.sql(
        'ALTER TABLE shop.payments ADD CONSTRAINT payments_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES shop.customers (id)',
      );
    });
    await harness.sql('UPDATE shop.payments SET customer_id = gen_random_uuid() WHERE id = $1', [await idOf('p1')]);
    await harness.sql('UPDATE shop.payments SET customer_id = NULL WHERE id = $1', [await idOf('p2')]);
    await harness.sql(`UPDATE drover.identities SET target_id = $1 WHERE source_id = 'c'`, [await idOf('a')]);
    const view = await validate(run);
    expect(failedChecks(view)).toMatchObject({
      'payments reference-customer_id': ['p1'],
      'customers no-doubles': ['c'],
    });
    expect(failedChecks(view)['customers sample']).toEqual(expect.arrayContaining(['c']));
  });

  it('counts the records instead of relying on the counters', async () => {
    const run = await harness.load({ customers: { a: customer('a@x'), b: { reject: 'no', row: {} } } });
    expect((await validate(run)).status).toBe('green');
    const { $client } = harness.database;
    await $client.query(`UPDATE drover.counts SET n = n + 1 WHERE run_id = $1 AND status = 'rejected' AND n = 1`, [
      run.id,
    ]);
    await $client.query(`UPDATE drover.records SET status = 'pending' WHERE run_id = $1 AND source_id = 'a'`, [run.id]);
    await createRunStore(harness.database).setSourceTotal(run.id, 'customers', 5);
    const view = await validate(run);
    expect(failedChecks(view)).toMatchObject({
      'customers source-count': [],
      'customers balance': [],
      'customers settled': ['a'],
    });
    expect(view.checks[0]).toMatchObject({ name: 'source-count', violations: 3 });
  });

  it('fails a rule that cannot be evaluated', async () => {
    const run = await harness.load({ customers: { a: customer('a@x') } });
    const rules = [
      { name: 'typo', entity: 'customers', severity: 'error', description: 'Typo', violates: 't.nothing > 0' },
      {
        name: 'zero',
        entity: 'customers',
        severity: 'warning',
        description: 'Zero',
        violates: '1 / length(coalesce(t.secret, $$$$)) > 0',
      },
      {
        name: 'pattern',
        entity: 'customers',
        severity: 'error',
        description: 'Pattern',
        violates: `exists (select 1 from {schema}.customers where '$&' <> '$&')`,
      },
    ] as const;
    const view = await validate(run, { ...shop, rules });
    expect(view.checks.filter((check) => !check.ok).map((check) => check.description)).toEqual([
      'Typo (could not be checked: column t.nothing does not exist)',
      expect.stringMatching(/^Zero \(could not be checked: /),
    ]);
  });

  it('becomes stale with any change of the tables, and not before', async () => {
    const run = await harness.load({ customers: { a: customer('a@x') }, payments: some(3, () => payment('1')) });
    const stale = async () => (await latestValidation(deps, run, shop))?.stale;
    expect(await stale()).toBeUndefined();
    await validate(run);
    await harness.sql('ANALYZE shop.payments');
    await harness.sql('VACUUM shop.payments');
    expect(await stale()).toBe(false);
    for (const change of [
      'UPDATE shop.payments SET amount = amount',
      'DELETE FROM shop.payments WHERE id = (SELECT id FROM shop.payments LIMIT 1)',
      `INSERT INTO shop.customers (id, email) VALUES (gen_random_uuid(), 'z@x')`,
    ]) {
      await validate(run);
      expect(await stale()).toBe(false);
      await harness.sql(change);
      expect(await stale()).toBe(true);
    }
    await validate(run);
    const rollback = {
      ...deps,
      store: createRollbackStore(harness.target.$client),
      ledger: createRollbackLedger(harness.database),
      effects: createEffectStore(harness.database.$client),
    };
    await rollbackRun(rollback, run, shop, { dryRun: true });
    expect(await stale()).toBe(false);
    await rollbackRun(rollback, run, shop, { dryRun: false });
    expect(await stale()).toBe(true);
  });
});

describe('sums', () => {
  const sums = (run: Run) => computeSums(deps, run, shop, ['customers', 'payments']);

  it('are exact in currencies of every exponent and include what was not loaded', async () => {
    const run = await harness.load({
      customers: { a: customer('a@x') },
      payments: {
        yen: payment('1234', 'JPY'),
        dinar: payment('0.001', 'KWD'),
        dinar2: payment('99999999999999.999', 'KWD'),
        cents: payment('0.10'),
        cents2: payment('0.20'),
        bad: payment('5', 'USD', { reject: 'no' }),
        silent: { reject: 'unreadable' },
      },
    });
    const line = (currency: string, source: string, target = source, unloaded = '0') => ({
      entity: 'payments',
      currency,
      status: 'paid',
      source,
      target,
      unloaded,
    });
    expect(await sums(run)).toEqual([
      line('JPY', '1234'),
      line('KWD', '100000000000000000'),
      line('USD', '530', '30', '500'),
    ]);
    const view = await validate(run);
    expect(view.checks.find((check) => check.name === 'money')).toMatchObject({
      ok: true,
      description: expect.stringContaining('1 payments carry no amount'),
    });
  });

  it('are read from the target and not from the ledger', async () => {
    const run = await harness.load({ customers: { a: customer('a@x') }, payments: some(2, () => payment('1')) });
    await harness.sql('UPDATE shop.payments SET amount = 1.005, status = $2 WHERE id = $1', [await idOf('p0'), 'lost']);
    expect(await sums(run)).toEqual([
      { entity: 'payments', currency: 'USD', status: 'lost', source: '0', target: '100.5', unloaded: '0' },
      { entity: 'payments', currency: 'USD', status: 'paid', source: '200', target: '100', unloaded: '0' },
    ]);
  });

  it('include rows of an earlier run, but not of a dry run or of a run that was rolled back', async () => {
    const records = { customers: { a: customer('a@x') }, payments: some(4, () => payment('1')) };
    const total = async (run: Run) =>
      (await sums(run)).map(({ source, target, unloaded }) => [source, target, unloaded]);
    expect(await total(await harness.load(records, { dryRun: true }))).toEqual([['400', '0', '400']]);
    const run = await harness.load(records);
    expect(await total(run)).toEqual([['400', '400', '0']]);
    expect(await total(await harness.load(records))).toEqual([['400', '400', '0']]);
    expect(await total(await harness.load(records, { skipExisting: true }))).toEqual([['400', '400', '0']]);
    expect(await total({ ...run, rolledBackAt: new Date() })).toEqual([['400', '0', '400']]);
  });
});
