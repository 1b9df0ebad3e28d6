import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import type { Run } from '../../../src/engine/ledger/types.ts';
import { createRunStore } from '../../../src/engine/runs/store.ts';
import { createValidationLedger } from '../../../src/engine/validation/ledger.sql.ts';
import { readRawAmount } from '../../../src/engine/validation/second-reading.ts';
import { createValidationTarget } from '../../../src/engine/validation/target.sql.ts';
import { validateRun } from '../../../src/engine/validation/validate.ts';
import { toMinor } from '../../../src/money.ts';
import type { Entity } from '../../../src/plan/contract.ts';
import { definePlan } from '../../../src/plan/define-plan.ts';
import type { Json, JsonObject } from '../../../src/plan/json.ts';
import bubble from '../../../src/plans/bubble/index.ts';
import catalog from '../../../src/plans/catalog/index.ts';
import launch from '../../../src/plans/launch/index.ts';
import { createHarness, type Harness, shop } from '../../helpers/shop-harness.ts';

test.each([
  ['12.5', 2, 1250n],
  [12.5, 2, 1250n],
  ['1,234.50', 2, 123450n],
  ['1.234,50', 2, 123450n],
  ["1'234.5", 2, 123450n],
  ['1\u00a0234,5', 2, 123450n],
  ['12,34,567.80', 2, 123456780n],
  ['1.234.567', 0, 1234567n],
  ['1,234', 2, 123400n],
  ['$120/hr', 2, 12000n],
  ['PHP 1000', 2, 100000n],
  ['-3 EUR', 2, -300n],
  ['1000.0000', 0, 1000n],
  ['12.3450', 3, 12345n],
  [0.1 + 0.2, 2, 30n],
  [19.99 * 3, 2, 5997n],
  [1e21, 2, 10n ** 23n],
  ['1.5e3', 2, 150000n],
  ['15e-1', 2, 150n],
  ['9007199254740993.01', 2, 900719925474099301n],
  // Two readings, more decimals than the currency has, several numbers, none.
  ['1.000', 2, undefined],
  ['150.000', 0, undefined],
  ['1,234', 3, undefined],
  ['1.239', 2, undefined],
  ['1.5', 0, undefined],
  ['3 of 4', 2, undefined],
  ['1.2,3.4', 2, undefined],
  ['', 2, undefined],
  ['free', 2, undefined],
  [null, 2, undefined],
  [{ amount: 1 }, 2, undefined],
])('%j with %d fraction digits is %s minor units', (value, digits, minor) => {
  expect(readRawAmount(value as Json, digits)).toBe(minor);
});

const payments = {
  ...shop.entities.payments,
  rawMoney: {
    amount: 'amount',
    currency: 'currency',
    pick: ({ text, code }: JsonObject) => ({ amount: text, currency: String(code) }),
  },
};
const plan = definePlan({ ...shop, entities: { ...shop.entities, payments }, rules: [], mappingFiles: [] });
/** A payment with `text` in its raw record, which its transform reads as `amount`. */
const payment = (text: Json, amount: string, code = 'PHP', currency = code) => ({
  text,
  code,
  ...{ minor: String(toMinor(amount, currency)), currency, status: 'paid' },
  row: { amount, currency, status: 'paid' },
});

describe('the second reading of a validation', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await createHarness({ plan });
  });
  afterAll(() => harness.close());
  beforeEach(() => harness.sql('TRUNCATE shop.customers, shop.payments, drover.identities, drover.changes'));

  async function validate(run: Run) {
    const deps = {
      ledger: createValidationLedger(harness.database),
      target: createValidationTarget(harness.target.$client),
      references: harness.ledger,
      rows: harness.rows,
    };
    const view = await validateRun(deps, run, plan, await createRunStore(harness.database).entities(run.id));
    return { view, check: view.checks.find(({ name }) => name === 'second-reading') };
  }

  it('is green where both readings agree, the amounts of rejected records included', async () => {
    const rejected = { ...payment('7', '7'), reject: 'no product' };
    const { view, check } = await validate(
      await harness.load({ payments: { a: payment('1,000.50', '1000.50'), b: payment(12, '12', 'JPY'), c: rejected } }),
    );
    expect(view.status).toBe('green');
    expect(check).toMatchObject({ ok: true, checked: 3, violations: 0 });
  });

  it.each([
    ['a dot that groups thousands', payment('1.000', '1')],
    ['a comma that groups thousands', payment('1,000', '1')],
    ['a currency without decimals', payment('1500', '15', 'JPY')],
    ['another currency', payment('10', '10', 'EUR', 'USD')],
    ['a lost sign', payment('-10', '10')],
    ['a rounded amount', payment('10.005', '10.01')],
  ])('is red where the transform misread: %s; the sums of both sides agree nevertheless', async (_what, misread) => {
    for (const dryRun of [false, true]) {
      const run = await harness.load({ payments: { bad: misread, good: payment('5', '5') } }, { dryRun });
      const { view, check } = await validate(run);
      expect(view.status).toBe('red');
      expect(check?.rows.map(({ sourceId }) => sourceId)).toEqual(['bad']);
      expect(view.checks.filter(({ ok }) => !ok).map(({ name }) => name)).toEqual(['second-reading']);
    }
  });

  it('names the difference of the sums', async () => {
    const run = await harness.load({ payments: { a: payment('1,000', '1'), b: payment('5', '5') } });
    const { check } = await validate(run);
    expect(check?.description).toContain('PHP: raw records 100500, taken over 600 (minor units)');
    expect(check?.rows[0]?.detail).toBe('its raw record has 100000 PHP, and 100 PHP was taken over (minor units)');
  });

  it('reports the number of purged raw records', async () => {
    const run = await harness.load({ payments: { a: payment('1', '1'), b: payment('2', '2') } });
    await harness.database.$client.query('DELETE FROM drover.payloads');
    const { view, check } = await validate(run);
    expect(check).toMatchObject({ ok: false, severity: 'warning', checked: 0 });
    expect(check?.description).toContain('PAYLOADS_PURGED: 2 of 2');
    expect(view.status).toBe('green');
  });
});

const pick = (entity: Entity | undefined, raw: JsonObject, params: JsonObject = {}) =>
  entity?.rawMoney?.pick(raw, { sourceId: 's', params });

describe('where the plans have their money in a raw record', () => {
  it.each<[string, JsonObject, JsonObject, object]>([
    ['the usual names', { payment_amount: '1,5', currency_code: 'eur' }, {}, { amount: '1,5', currency: 'EUR' }],
    ['names with a type and blanks', { Amount_number: 3, ' Currency ': 'USD' }, {}, { amount: 3, currency: 'USD' }],
    ['an empty first field', { payment_amount: '', amount: 4 }, {}, { amount: 4, currency: undefined }],
    [
      'fields that a run names, a path, a word and minor units',
      { deal: { price: { total: 700 } }, money: 'Pesos' },
      {
        amountUnit: 'minor',
        fieldMap: {
          fields: { payments: { amount: ['deal.price.total'], currency: ['money'] } },
          values: { currency: { pesos: 'PHP' } },
        },
      },
      { amount: 700, currency: 'PHP', unit: 'minor' },
    ],
    [
      'a path into a CSV cell',
      { deal: '{"total": 8}' },
      { fieldMap: { fields: { payments: { amount: ['deal.total'] } } } },
      { amount: 8 },
    ],
    ['a default currency', { amount: 1 }, { defaultCurrency: 'JPY' }, { amount: 1, currency: 'JPY' }],
  ])('bubble: %s', (_what, raw, params, expected) => {
    expect(pick(bubble.entities.payments, raw, params)).toMatchObject(expected);
  });

  it('catalog: price and currency of the row, or the default currency', () => {
    expect(pick(catalog.entities.products, { price: '12.50', currency: ' usd ' })).toEqual({
      amount: '12.50',
      currency: 'USD',
    });
    expect(pick(catalog.entities.products, { price: 3 }, { defaultCurrency: 'EUR' })).toEqual({
      amount: 3,
      currency: 'EUR',
    });
  });

  it('launch: the value of the API or of a line of a file, and the payment of a sale before its invoice', () => {
    const { xendit_invoices: invoices, transactions, manual_payments: manual } = launch.entities;
    expect(pick(invoices, { amount: 5, currency: 'PHP' })).toEqual({ amount: 5, currency: 'PHP' });
    expect(pick(invoices, { 'Invoice ID': 'i', Amount: '1,000', Currency: 'php' })).toEqual({
      amount: '1,000',
      currency: 'PHP',
    });
    const own = { type: 'INVOICE', amount: 5, currency: 'PHP' };
    const payment = { amount: 4, currency: 'USD' };
    expect(pick(transactions, { own, payment })).toEqual(payment);
    expect(pick(transactions, { own: { ...own, type: 'REFUND' }, payment })).toEqual({ amount: 5, currency: 'PHP' });
    expect(pick(transactions, { own, payment: { amount: null } })).toEqual({ amount: 5, currency: 'PHP' });
    expect(pick(manual, { product: own })).toEqual({ amount: 5, currency: 'PHP' });
  });
});
