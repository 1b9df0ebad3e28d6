import { afterEach, expect, test, vi } from 'vitest';
import { type Catalog, startCatalog } from '../../helpers/catalog-drover.ts';

// Whole runs, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let catalog: Catalog;
afterEach(() => catalog.close());

const products = 120;

function requests(from: number): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { method, path } of catalog.stripe.journal.entries(from)) {
    const name = `${method} ${path.replace(/^\/v1\//, '').replace(/\/.*/, '/:id')}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

test('records of one job each share the lists by which they are looked up and compared', async () => {
  // The defaults: five products on their way at once, one a job.
  catalog = await startCatalog({ supabase: { products }, env: { MIGRATION_MAX_CONCURRENCY: '5' } });
  await catalog.work();
  expect((await catalog.run()).status).toBe('completed');
  const made = requests(0);
  expect(made).toMatchObject({ 'POST products': products, 'POST prices/:id': products });
  // A list of prices takes ten lookup keys, and one of products fifty ids: without sharing there are 120 of each.
  expect(made['GET prices']).toBeLessThanOrEqual(products / 4);
  expect(made['GET products']).toBeLessThanOrEqual(products / 4);

  // Each is compared with what it is after its write.
  const shown = await catalog.sql('SELECT status, count(*)::int AS n FROM drover.records GROUP BY 1');
  expect(shown).toEqual([{ status: 'reconciled', n: products }]);
});
