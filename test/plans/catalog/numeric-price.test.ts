import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Catalog, startCatalog } from '../../helpers/catalog-drover.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let catalog: Catalog;
const columns = {
  ...Object.fromEntries(
    ['id', 'name', 'currency', 'stripe_product_id', 'stripe_price_id', 'sync_status'].map((name) => [name, 'text']),
  ),
  price: 'numeric',
} as const;

beforeAll(async () => {
  const product = { sync_status: 'pending', name: 'Tea' };
  const rows = [
    { ...product, id: 'none', price: null, currency: 'JPY' },
    { ...product, id: 'yen', price: '1200.00', currency: 'JPY' },
    { ...product, id: 'dollars', price: '19.9900', currency: 'USD' },
    { ...product, id: 'fine', price: '19.9950', currency: 'USD' },
  ];
  catalog = await startCatalog({ supabase: { products: 0, tables: { goods: { columns, rows } } as never } });
});
afterAll(() => catalog.close());

test('the scale of a numeric price column is no sign of thousands: its zeros are not decimals that a person wrote', async () => {
  await catalog.work();
  const run = await catalog.settled((await catalog.start({ params: { table: 'goods' } })).id);
  const { items } = await catalog.control.records(run.id, {});
  const outcomes = Object.fromEntries(items.map(({ sourceId, code, status }) => [sourceId, code ?? status]));
  expect(outcomes).toEqual({ none: 'NO_PRICE', yen: 'reconciled', dollars: 'reconciled', fine: 'BAD_AMOUNT' });
});
