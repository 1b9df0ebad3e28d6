import { afterEach, expect, test, vi } from 'vitest';
import { type Catalog, operator, startCatalog } from '../../helpers/catalog-drover.ts';
import { rollBackAndWait } from '../../helpers/roll-back.ts';

// Whole runs, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let catalog: Catalog;
afterEach(() => catalog.close());

interface StoredPrice {
  readonly id: string;
  readonly active: boolean;
  readonly amount: number;
  readonly key: string | null;
}

function pricesOf(id: string): StoredPrice[] {
  return catalog.stripe.data
    .all('price')
    .filter(({ product }) => product === `cms_${id}`)
    .map((price) => ({
      ...{ id: String(price.id), active: price.active === true, amount: Number(price.unit_amount) },
      key: price.lookup_key as string | null,
    }))
    .sort((a, b) => a.amount - b.amount);
}

async function reprice(price: string) {
  catalog.supabase.data.modify('products', '1', { price, currency: 'USD' });
  const run = await catalog.run({ strategy: 'full' });
  expect(run.status).toBe('completed');
  return run;
}

test('a product that was made, rolled back and migrated again is sold at the price it was made with', async () => {
  catalog = await startCatalog({ supabase: { products: 3 } });
  await catalog.work();
  const first = await catalog.run();
  const made = ['1', '2', '3'].map((id) => pricesOf(id));
  await rollBackAndWait(catalog.control, first.id, operator);
  expect(['1', '2', '3'].flatMap((id) => pricesOf(id)).every(({ active }) => !active)).toBe(true);
  expect((await catalog.run({ strategy: 'full' })).status).toBe('completed');
  expect(['1', '2', '3'].map((id) => pricesOf(id))).toEqual(made);
});

test('a price that an undone run made is sold again by the next run, and no twin of it is made', async () => {
  catalog = await startCatalog({ supabase: { products: 1 } });
  await catalog.work();
  await reprice('10.00');
  const second = await reprice('12.00');
  const [ten, twelve] = pricesOf('1');
  expect([ten, twelve]).toMatchObject([
    { amount: 1_000, active: false, key: null },
    { amount: 1_200, active: true, key: 'cms_1_usd' },
  ]);
  await rollBackAndWait(catalog.control, second.id, operator);
  expect(pricesOf('1')).toEqual([
    { ...ten, active: true, key: 'cms_1_usd' },
    { ...twelve, active: false, key: null },
  ]);

  const forecast = await catalog.run({ strategy: 'full', dryRun: true });
  const said = await catalog.sql('SELECT code, message FROM drover.records WHERE run_id = $1', forecast.id);
  expect(said).toEqual([
    { code: 'WOULD_REPRICE', message: expect.stringContaining(`price ${twelve?.id}: reactivated`) },
  ]);
  const third = await reprice('12.00');
  expect(pricesOf('1')).toEqual([ten, twelve]);
  expect(catalog.stripe.data.get('product', 'cms_1')).toMatchObject({ active: true, default_price: twelve?.id });
  expect(catalog.supabase.data.get('products', '1')).toMatchObject({ stripe_price_id: twelve?.id });

  await rollBackAndWait(catalog.control, third.id, operator);
  expect(pricesOf('1')).toEqual([
    { ...ten, active: true, key: 'cms_1_usd' },
    { ...twelve, active: false, key: null },
  ]);
});
