import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningApi, startApi } from '../../src/api/start.ts';
import { readConfig } from '../../src/config.ts';
import { createLogger } from '../../src/logger.ts';
import { loadPlans } from '../../src/plan/registry.ts';
import { apiParts } from '../../src/service/parts.ts';
import { drover } from '../unit/cli/drover.ts';
import { type Catalog, startCatalog } from './catalog-harness.ts';

const products = 60;
const key = 'admin.a-secret-for-tests';
let catalog: Catalog;
let api: RunningApi;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-catalog-migrate-'));
  catalog = await startCatalog({ supabase: { products } });
  const config = readConfig({ ...catalog.env, PORT: '0', DROVER_ADMIN_KEY: key });
  api = await startApi({
    ...{ config, databaseUrl: config.databaseUrl as string, redisUrl: config.redisUrl as string },
    ...{ plans: await loadPlans(), version: '0', logger: createLogger({ level: 'silent', service: 'test' }) },
    ...apiParts,
  });
  await catalog.work();
});
afterAll(async () => {
  await api.stop();
  await catalog.close();
  await rm(folder, { recursive: true, force: true });
});

const command = (...args: string[]) => drover(api.url, args, { env: { DROVER_TOKEN: key }, cwd: folder });
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
  const [name] = (await readdir(join(folder, 'reports'))).filter((file) => file.startsWith('migration-report-'));
  const report = JSON.parse(await readFile(join(folder, 'reports', name as string), 'utf8'));
  const { network } = report.metrics.resourceUsage;
  expect(network.upstreams).toMatchObject([
    { upstream: 'stripe', requests: sent().length - before.stripe },
    { upstream: 'supabase', requests: catalog.supabase.journal.entries().length - before.supabase },
  ]);
  const resumed = await command('migrate:resume');
  expect(resumed.code).toBe(2);
});
