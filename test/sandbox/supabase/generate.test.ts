import { expect, it } from 'vitest';
import { startStripeSandbox } from '../../../src/sandbox/stripe/sandbox.ts';
import { type CatalogOptions, generateCatalog, seedStripe } from '../../../src/sandbox/supabase/data/generate.ts';

const defaults: CatalogOptions = {
  seed: 7,
  products: 2000,
  dirt: 1,
  price: 'text',
  productId: 'cms_{id}',
  lookupKey: 'cms_{id}_{currency}',
};
const { rows, manifest, stripe } = generateCatalog(defaults);
const byId = new Map(rows.map((row) => [String(row.id), row]));

it('is the same for the same seed, and different for another', () => {
  expect(generateCatalog(defaults)).toEqual({ rows, manifest, stripe });
  expect(generateCatalog({ ...defaults, seed: 8 }).rows).not.toEqual(rows);
});

it('has a consistent manifest', () => {
  const { reconciled, skipped, rejected } = manifest.outcomes;
  expect([rows.length, reconciled + skipped + rejected, byId.size]).toEqual([2000, 2000, 2000]);
  expect(Object.keys(manifest.verdicts)).toHaveLength(skipped + rejected);
  expect(Object.values(manifest.codes).reduce((a, b) => a + b)).toBe(skipped + rejected);
  expect(manifest.sums.reduce((sum, { count }) => sum + count, 0)).toBe(reconciled);
  expect(manifest.sums.find(({ currency }) => currency === 'ISK')).toMatchObject({
    amount: '9000',
    stripeAmount: '900000',
  });
});

it('has every trap, also in a small catalogue, and none with dirt 0', () => {
  const names = Object.keys(manifest.traps);
  expect(names.length).toBeGreaterThanOrEqual(40);
  const small = generateCatalog({ ...defaults, products: 100 });
  expect(Object.keys(small.manifest.traps).sort()).toEqual(names.sort());
  const clean = generateCatalog({ ...defaults, dirt: 0 });
  expect([clean.manifest.traps, clean.manifest.outcomes.reconciled, clean.stripe]).toEqual([{}, 2000, []]);
  const numeric = generateCatalog({ ...defaults, price: 'numeric' });
  expect(numeric.rows.every(({ price }) => price === null || !Number.isNaN(Number(price)))).toBe(true);
});

it('has at most one trap in a product', () => {
  const ids = Object.values(manifest.traps).flatMap((trap) => trap.ids);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of manifest.traps['price-free']?.ids ?? []) expect(String(byId.get(id)?.price)).toMatch(/free/i);
  for (const id of manifest.traps['id-beyond-numbers']?.ids ?? []) expect(Number.isSafeInteger(Number(id))).toBe(false);
});

it('can be inserted into Stripe, separately for each mode', async () => {
  const sandbox = await startStripeSandbox();
  try {
    seedStripe(stripe, { test: sandbox.data, live: sandbox.liveData });
    const [test, live] = [sandbox.data.counts(), sandbox.liveData.counts()];
    expect((test.product ?? 0) + (live.product ?? 0)).toBe(manifest.stripe.products);
    expect(test.price).toBe(manifest.stripe.prices);
    const archived = manifest.traps['default-price-archived']?.ids[0] ?? '';
    const price = sandbox.data.get('price', String(byId.get(archived)?.stripe_price_id));
    expect(price).toMatchObject({ active: false, product: `cms_${archived}` });
  } finally {
    await sandbox.close();
  }
});
