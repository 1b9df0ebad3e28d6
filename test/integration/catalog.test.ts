import { afterEach, expect, test } from 'vitest';
import { type Catalog, startCatalog } from './catalog-harness.ts';

let catalog: Catalog;
afterEach(() => catalog.close());

test('a dirty catalogue arrives as its manifest says, each product once, and every row knows its ids', async () => {
  catalog = await startCatalog({ supabase: { products: 250, dirt: 1, seed: 11 } });
  await catalog.work();
  const run = await catalog.run();
  const { manifest, data } = catalog.supabase;
  const records = await catalog.sql<{ source_id: string; status: string; code: string | null }>(
    'SELECT source_id, status, code FROM drover.records',
  );
  const verdicts = Object.fromEntries(records.map(({ source_id: id, status, code }) => [id, code ?? status]));
  const wanted = data.ids('products').map((id) => [id, manifest.verdicts[id]?.code ?? 'reconciled']);
  expect(verdicts).toEqual(Object.fromEntries(wanted));
  expect(run.reason).toBe(`${manifest.outcomes.rejected} rejected`);
  expect(run.balanced).toBe(true);

  const loaded = manifest.sums.map(({ currency, amount }) => [currency, amount]);
  const total = new Map<string, bigint>();
  for (const { currency, target } of run.sums) total.set(currency, (total.get(currency) ?? 0n) + BigInt(target));
  expect([...total].filter(([, sum]) => sum > 0n).map(([currency, sum]) => [currency, String(sum)])).toEqual(loaded);

  const made = catalog.stripe.journal.entries().flatMap(({ notes }) => notes?.created?.split(' ') ?? []);
  expect(new Set(made).size).toBe(made.length);
  expect(await told(catalog)).toEqual([]);
  expect((await catalog.control.validation(run.id)).status).toBe('green');
});

test('what has arrived is unchanged the second time, and a run that skips it asks and writes nothing', async () => {
  catalog = await startCatalog({ supabase: { products: 12 } });
  await catalog.work();
  expect(await catalog.run()).toMatchObject({ status: 'completed', entities: { products: { reconciled: 12 } } });
  const before = catalog.stripe.journal.size;
  const second = await catalog.run();
  expect(await codes(catalog, second.id)).toEqual({ UNCHANGED: 12 });
  const third = await catalog.run({ skipExisting: true });
  expect(await codes(catalog, third.id)).toEqual({ EXISTS: 12 });
  expect(catalog.stripe.journal.entries(before).filter(({ method }) => method === 'POST')).toEqual([]);
});

/** Ids of records whose row does not name the product and the price that Stripe has for it. */
async function told({ supabase, stripe, sql }: Catalog): Promise<readonly string[]> {
  const arrived = await sql<{ source_id: string }>(`SELECT source_id FROM drover.records WHERE status = 'reconciled'`);
  return arrived
    .map(({ source_id: id }) => id)
    .filter((id) => {
      const row = supabase.data.get('products', id);
      const product = stripe.data.get('product', String(row?.stripe_product_id));
      const price = stripe.data.get('price', String(row?.stripe_price_id));
      const right = product?.default_price === price?.id && price?.product === product?.id && price?.active === true;
      return !right || row?.sync_status !== 'synced';
    });
}

async function codes({ sql }: Catalog, runId: string): Promise<Record<string, number>> {
  const text =
    'SELECT coalesce(code, status) AS code, count(*)::int AS n FROM drover.records WHERE run_id = $1 GROUP BY 1';
  return Object.fromEntries((await sql<{ code: string; n: number }>(text, runId)).map(({ code, n }) => [code, n]));
}
