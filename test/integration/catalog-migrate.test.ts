import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Catalog, startCatalog } from './catalog-harness.ts';
import { type CatalogService, startCatalogService } from './catalog-service.ts';

const products = 60;
let catalog: Catalog;
let service: CatalogService;

beforeAll(async () => {
  catalog = await startCatalog({ supabase: { products } });
  service = await startCatalogService(catalog);
  await catalog.work();
});
afterAll(async () => {
  await service.stop();
  await catalog.close();
});

const command = (...args: string[]) => service.command(...args);
const sent = () => catalog.stripe.journal.entries();
const writes = () => sent().filter((entry) => entry.method !== 'GET');

test('validation and dry run say of every product what would become of it, and write nothing', async () => {
  for (const name of ['migrate:validate', 'migrate:dry-run']) {
    const { code, stdout } = await command(name, '--strategy', 'full');
    expect(code, stdout).toBe(0);
    expect(stdout).toContain(`${products}`);
  }
  expect(writes()).toEqual([]);
  expect(catalog.supabase.journal.entries().filter((entry) => entry.method !== 'GET')).toEqual([]);
});

test('the migration leaves a report whose requests are those of the journals, and nothing to resume', async () => {
  const before = { stripe: sent().length, supabase: catalog.supabase.journal.entries().length };
  const { code, stdout } = await command('migrate', '--strategy', 'full');
  expect(code, stdout).toBe(0);
  const created = writes().filter((entry) => entry.method === 'POST' && entry.path === '/v1/products');
  expect(created).toHaveLength(products);
  const [name] = (await readdir(join(service.folder, 'reports'))).filter((file) =>
    file.startsWith('migration-report-'),
  );
  const report = JSON.parse(await readFile(join(service.folder, 'reports', name as string), 'utf8'));
  const { network } = report.metrics.resourceUsage;
  expect(network.upstreams).toMatchObject([
    { upstream: 'stripe', requests: sent().length - before.stripe },
    { upstream: 'supabase', requests: catalog.supabase.journal.entries().length - before.supabase },
  ]);
  const resumed = await command('migrate:resume');
  expect(resumed.code).toBe(2);
});
