import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { RollbackView, RunView } from '../../../src/contract/runs.ts';
import { type Catalog, startCatalog } from '../../helpers/catalog-drover.ts';
import { type CatalogService, startCatalogService } from './catalog-service.ts';

// Whole runs, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const products = 40;
let catalog: Catalog;
let service: CatalogService;
let run: RunView;

beforeAll(async () => {
  catalog = await startCatalog({ supabase: { products } });
  service = await startCatalogService(catalog);
  await catalog.work();
  run = await catalog.run();
  expect(run).toMatchObject({ status: 'completed', rollback: null });
});
afterAll(async () => {
  await service.stop();
  await catalog.close();
});

async function call<T>(method: string, path: string, body?: object): Promise<{ status: number; body: T }> {
  const headers = { authorization: service.authorization, ...(body ? { 'content-type': 'application/json' } : {}) };
  const sent = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
  const response = await fetch(`${service.url}/api/v1/runs/${run.id}${path}`, sent);
  return { status: response.status, body: (await response.json()) as T };
}

const ask = () => call<RollbackView>('POST', '/rollback', { reason: 'a test' });
const archived = () => catalog.stripe.data.all('product').filter(({ active }) => active === false).length;

async function reached(least: number): Promise<RollbackView> {
  for (;;) {
    const { body } = await call<RollbackView>('GET', '/rollback');
    if (body.done >= least || body.status !== 'working') return body;
    await sleep(20);
  }
}

test('a rollback is answered before it is done, and the run says how far it is', async () => {
  expect((await call('GET', '/rollback')).status).toBe(404);
  catalog.stripe.faults.set([{ fault: 'slow', delayMs: 300 }]);
  const { status, body } = await ask();
  expect(status).toBe(202);
  // Each product is three things: the product, its price, the row.
  expect(body).toMatchObject({ status: 'working', total: 3 * products, error: null });
  expect(archived()).toBeLessThan(products);
  await reached(1);
  expect((await call<RunView>('GET', '')).body).toMatchObject({
    rollback: { status: 'working', total: 3 * products },
    rolledBackAt: null,
    nextActions: [],
  });
});

test('nothing else is done to what is being rolled back', async () => {
  const refused = { status: 409, body: { code: 'NOT_ALLOWED_NOW', detail: `run ${run.id} is being rolled back` } };
  expect(await ask()).toMatchObject(refused);
  expect(await call('POST', '/reconcile', { reason: 'x' })).toMatchObject(refused);
  await expect(catalog.start()).rejects.toMatchObject({ code: 'NOT_ALLOWED_NOW' });
  expect(await catalog.start({ dryRun: true })).toMatchObject({ dryRun: true });
});

test('a service that ends in the middle leaves it interrupted, and it goes on from there when asked again', async () => {
  await reached(10);
  await service.stop();
  catalog.stripe.faults.set([]);
  service = await startCatalogService(catalog);
  const { body: left } = await call<RollbackView>('GET', '/rollback');
  expect(left).toMatchObject({ status: 'interrupted', conflicts: [] });
  expect(left.done).toBeGreaterThan(0);
  expect(left.done).toBeLessThan(3 * products);
  expect((await call<RunView>('GET', '')).body.nextActions).toContain('rollback');
  const before = writes();
  const ran = await service.command('rollback', run.id, '--reason', 'a test', '--yes');
  expect(ran.code, ran.stderr).toBe(0);
  expect(ran.stdout).toBe(`run ${run.id}: removed ${2 * products} rows and restored ${products}\n`);
  expect(ran.stderr).toMatch(new RegExp(`^Rollback: 100\\.0% \\(${3 * products}/${3 * products}\\)`, 'm'));
  // What was undone before is not asked of Stripe again.
  const undone = Math.floor(left.done / 3);
  expect(writes() - before).toBeLessThanOrEqual(2 * (products - undone));
  expect(archived()).toBe(products);
  const rows = catalog.supabase.data.ids('products').map((id) => catalog.supabase.data.get('products', id));
  expect(rows.every((row) => row?.sync_status === 'pending' && row.stripe_product_id === null)).toBe(true);
  const { body: view } = await call<RunView>('GET', '');
  expect(view).toMatchObject({ rollback: { status: 'done' }, nextActions: ['validate'] });
  expect(view.rolledBackAt).not.toBeNull();
  const audit = await catalog.sql<{ action: string; details: object }>(
    `SELECT action, details FROM drover.audit WHERE subject = $1 AND action LIKE 'run.roll%' ORDER BY id`,
    `run:${run.id}`,
  );
  expect(audit.map(({ action }) => action)).toEqual(['run.rollback', 'run.rollback', 'run.rolled-back']);
  expect(audit.at(-1)?.details).toEqual({ removed: 2 * products, restored: products, conflicts: 0 });
});

const writes = () => catalog.stripe.journal.entries().filter(({ method }) => method === 'POST').length;

test('a rollback waits for what passes, and says why it cannot go on where nothing does', async () => {
  run = await catalog.run();
  await service.stop();
  service = await startCatalogService(catalog, { STRIPE_SECRET_KEY: 'sk_test_of_nobody' });
  expect((await ask()).body.status).toBe('working');
  const failed = await reached(3 * products);
  expect(failed).toMatchObject({ status: 'failed', error: expect.stringContaining('UPSTREAM_UNAUTHORIZED') });
  expect((await call<RunView>('GET', '')).body).toMatchObject({ rollback: { status: 'failed' }, rolledBackAt: null });

  await service.stop();
  service = await startCatalogService(catalog);
  catalog.stripe.faults.set([{ fault: 'unavailable', every: 5, times: 6 }]);
  const ran = await service.command('rollback', run.id, '--reason', 'mended', '--yes');
  expect(ran.code, ran.stderr).toBe(0);
  expect(catalog.stripe.faults.tally()).toMatchObject([{ fired: 6 }]);
  expect(archived()).toBe(products);
});
