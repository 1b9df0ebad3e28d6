import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunMetrics } from '../../../src/contract/metrics.ts';
import type { JournalEntry } from '../../../src/sandbox/core/journal.ts';
import { type Catalog, startCatalog } from '../../helpers/catalog-drover.ts';
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
const asked = () => catalog.supabase.journal.entries();
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
  const before = { stripe: sent().length, supabase: asked().length };
  catalog.stripe.faults.set([
    { fault: 'error', method: 'POST', every: 7, times: 5 },
    { fault: 'throttle', method: 'POST', every: 11, times: 3, retryAfter: 0 },
  ]);
  const { code, stdout } = await command('migrate', '--strategy', 'full');
  expect(code, stdout).toBe(0);
  const created = writes().filter(
    (entry) => entry.method === 'POST' && entry.path === '/v1/products' && entry.notes?.created,
  );
  expect(created).toHaveLength(products);
  const [name] = (await readdir(join(service.folder, 'reports'))).filter((file) =>
    file.startsWith('migration-report-'),
  );
  const report = JSON.parse(await readFile(join(service.folder, 'reports', name as string), 'utf8'));
  const { resourceUsage, elapsedSeconds, errorDistribution } = report.metrics as RunMetrics;
  const journals = { stripe: sent().slice(before.stripe), supabase: asked().slice(before.supabase) };
  const failed = (entries: readonly JournalEntry[]) =>
    entries.filter(({ status }) => status === 0 || (status >= 400 && status !== 404)).length;
  const use = (upstream: keyof typeof journals, allowedPerSecond: number) => {
    const { length: requests } = journals[upstream];
    return { upstream, requests, failed: failed(journals[upstream]), allowedPerSecond };
  };
  expect(resourceUsage.network.upstreams).toMatchObject([use('stripe', 5_000), use('supabase', 100)]);
  for (const { requests, perSecond } of resourceUsage.network.upstreams)
    expect(Math.abs((perSecond * elapsedSeconds) / requests - 1)).toBeLessThan(0.05);
  const refused = (wanted: number) => journals.stripe.filter(({ status }) => status === wanted).length;
  expect([refused(500), refused(429)]).toEqual([5, 3]);
  const errors = errorDistribution.map(({ name, severity, records, tries }) => [name, severity, records, tries]);
  // Whoever is asked to wait waits, and has not failed: a 429 is counted with the requests above.
  expect(errors).toEqual([['STRIPE_API_ERROR', 'MEDIUM', 0, refused(500)]]);
  expect(stdout).toMatch(/^ {2}stripe +\d+\.\d requests\/s of 5000 allowed$/m);
  const resumed = await command('migrate:resume');
  expect(resumed.code).toBe(2);
});
