import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Plan } from '../../../src/plan/contract.ts';
import type { LoadOptions, TargetRow, TargetScope } from '../../../src/plan/target.ts';
import { createHarness, type Harness, shop } from '../../helpers/shop-harness.ts';

const batch = 500;
// `npm run chaos -- --scenario poison-row --records 10000` is the long form.
const records = 2_000;

// A mapping that unescapes a value by mistake.
const plan: Plan = {
  ...shop,
  name: 'poison',
  entities: {
    ...shop.entities,
    payments: {
      ...shop.entities.payments,
      transform: (raw) => {
        const outcome = shop.entities.payments.transform(raw);
        return raw.spoil && outcome.kind === 'row' ? { ...outcome, notes: ['pa\u0000id'] } : outcome;
      },
    },
  },
};

let harness: Harness;
beforeAll(async () => {
  harness = await createHarness({ plan });
});
afterAll(() => harness.close());

/** Payments, some of them invalid. */
function payments(poison: Readonly<Record<number, object>>) {
  const payment = (n: number) => ({
    row: { amount: '1.00', currency: 'USD', status: 'paid' },
    ...{ minor: '100', currency: 'USD', status: 'paid' },
    ...poison[n],
  });
  return Object.fromEntries(Array.from({ length: records }, (_, n) => [`p${n}`, payment(n)]));
}

const ends = async (runId: string) =>
  (
    await harness.database.$client.query(
      `SELECT status, code, count(*)::int AS n, min(source_id) AS example FROM drover.records WHERE run_id = $1
       GROUP BY 1, 2 ORDER BY 1`,
      [runId],
    )
  ).rows;

test('a row refused by the target, in batches of 500: found in 2·log2(500) attempts, and the others load', async () => {
  // Counts the calls to the target, from any caller.
  const tries: number[] = [];
  const load = harness.rows.load.bind(harness.rows);
  Object.assign(harness.rows, {
    load: async (scope: TargetScope, rows: readonly TargetRow[], options: LoadOptions) => {
      if (rows.some(({ sourceId }) => sourceId === 'p1301') || tries.length > 0) tries.push(rows.length);
      return load(scope, rows, options);
    },
  });
  const poison = { row: { amount: `1${'0'.repeat(20)}`, currency: 'USD', status: 'paid' } };
  const run = await harness.load({ payments: payments({ 1301: poison }) }, { plan: 'poison' });
  Object.assign(harness.rows, { load });
  expect(await ends(run.id)).toEqual([
    { status: 'reconciled', code: null, n: records - 1, example: 'p0' },
    { status: 'rejected', code: 'TARGET_CONSTRAINT', n: 1, example: 'p1301' },
  ]);
  // The batches after the poison row's batch are complete again.
  const search = tries.slice(1, tries.indexOf(batch, 1));
  expect(tries[0]).toBe(batch);
  expect(search.length).toBeLessThanOrEqual(2 * Math.log2(batch));
  console.log(`poison among ${records} in batches of ${batch}: found in ${search.length} further tries (${search})`);
});

test('a value that the ledger cannot store is found in the same way, and the other records of its batch go on', async () => {
  const zeroByte = { minor: '100', currency: 'USD', status: 'pa', spoil: true };
  const endless = { minor: '9'.repeat(30), currency: 'USD', status: 'paid' };
  const run = await harness.load({ payments: payments({ 17: zeroByte, 1400: endless }) }, { plan: 'poison' });
  expect(await ends(run.id)).toEqual([
    { status: 'reconciled', code: null, n: 1, example: 'p1301' },
    { status: 'rejected', code: 'UNSTORABLE', n: 2, example: 'p1400' },
    { status: 'skipped', code: 'UNCHANGED', n: records - 3, example: 'p0' },
  ]);
});
