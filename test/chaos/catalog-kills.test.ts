import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkoutRoot } from '../../scripts/stack/checkout.ts';
import { nodeArgs } from '../../scripts/stack/compiled.ts';
import { type Catalog, startCatalog } from '../helpers/catalog-drover.ts';
import { seedOutdatedProduct } from '../helpers/catalog-sandboxes.ts';
import { type HeldRequest, type HoldingProxy, startHoldingProxy } from '../helpers/holding-proxy.ts';

// Where a worker dies: which request it was at, and whether Stripe (or the catalogue) had it already.
const moments: readonly (readonly [string, 'stripe' | 'supabase', RegExp, 'before' | 'after'])[] = [
  ['before the call that makes a product', 'stripe', /^POST \/v1\/products$/, 'before'],
  ['after it, before the answer', 'stripe', /^POST \/v1\/products$/, 'after'],
  ['after the answer, before the next call', 'stripe', /^POST \/v1\/prices\/price_/, 'before'],
  ['before the call that makes a price', 'stripe', /^POST \/v1\/prices$/, 'before'],
  ['after it, before the answer', 'stripe', /^POST \/v1\/prices$/, 'after'],
  ['before the write-back', 'supabase', /^PATCH /, 'before'],
];
// The first half is new to Stripe, the second has products there whose price has changed since.
const products = 40;
// Records of a process on their way to Stripe at once: so many requests may be under way when it dies.
const lanes = 2;

let catalog: Catalog;
beforeAll(async () => {
  catalog = await startCatalog({
    supabase: { products },
    env: {
      MIGRATION_MAX_CONCURRENCY: String(lanes),
      DROVER_LOCK_DURATION_MS: '1500',
      DROVER_STALLED_INTERVAL_MS: '500',
      DROVER_SWEEP_AGE_MS: '3000',
    },
  });
  for (const id of catalog.supabase.data.ids('products').slice(products / 2)) seedOutdatedProduct(catalog, id);
});
afterAll(() => catalog.close());

/** A worker process for loads alone, which dies at its moment. */
async function victim([, side, request, when]: (typeof moments)[number]): Promise<void> {
  const matches = ({ method, path }: HeldRequest): boolean => request.test(`${method} ${path.replace(/\?.*/, '')}`);
  const gate = await startHoldingProxy(catalog[side].url, matches, when);
  const env = { ...catalog.env, [side === 'stripe' ? 'STRIPE_API_URL' : 'SUPABASE_URL']: gate.url };
  const child = spawn(process.execPath, nodeArgs('workers/main.ts', ['--queues', 'load', '--concurrency', '3']), {
    ...{ cwd: checkoutRoot(), env: { PATH: process.env.PATH, ...env }, stdio: 'ignore' },
  });
  await killAt(gate, child);
}

async function killAt(gate: HoldingProxy, child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  await gate.held;
  child.kill('SIGKILL');
  await gone;
  await gate.close();
}

test('workers killed at every step leave no product and no price twice, though Stripe forgets its keys', async () => {
  const { stripe, control } = catalog;
  const started = await catalog.start();
  const deaths = moments.map((moment) => victim(moment));
  await catalog.work(['extract', 'transform', 'reconcile']);
  await Promise.all(deaths);
  stripe.forget();
  await catalog.work(['load']);
  const run = await catalog.settled(started.id);

  expect(await control.failures(run.id)).toEqual([]);
  expect(run.entities.products).toMatchObject({ reconciled: products });
  const made = stripe.journal.entries().flatMap(({ notes }) => notes?.created?.split(' ') ?? []);
  expect(made.filter((id) => id.startsWith('cms_'))).toHaveLength(products / 2);
  expect(made.filter((id) => id.startsWith('price_'))).toHaveLength(products);
  const sold = stripe.data.all('price').filter(({ active }) => active);
  expect(sold.map(({ product }) => product).sort()).toEqual(
    stripe.data
      .all('product')
      .map(({ id }) => id)
      .sort(),
  );
  expect(stripe.data.all('price')).toHaveLength(products * 1.5);
  const open = await catalog.sql(`SELECT step, state FROM drover.intents WHERE state <> 'answered'`);
  expect(open.length).toBeLessThanOrEqual(moments.length * lanes);
});
