import { afterEach, expect, test, vi } from 'vitest';
import { type Catalog, operator, startCatalog } from '../../helpers/catalog-drover.ts';
import { rollBackAndWait } from '../../helpers/roll-back.ts';

// Whole runs, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 });

let catalog: Catalog;
afterEach(() => catalog.close());

test('a dirty catalogue arrives as its manifest says, each product once, and every row knows its ids', {
  timeout: 120_000,
}, async () => {
  catalog = await startCatalog({ supabase: { products: 150, dirt: 1, seed: 11 } });
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

test('a dry run says what would happen to each product and sends nothing that changes anything', async () => {
  catalog = await startCatalog({ supabase: { products: 6 } });
  const { supabase, stripe } = catalog;
  seed('2', { name: 'Another name' });
  seed('3', {}, 1);
  seed('4', {});
  supabase.data.modify('products', '5', { price: 'Ask us' });
  await catalog.work();
  const rows = JSON.stringify(supabase.data.ids('products').map((id) => supabase.data.get('products', id)));
  const run = await catalog.run({ dryRun: true });
  const said = await catalog.sql<{ source_id: string; code: string; message: string }>(
    'SELECT source_id, code, message FROM drover.records WHERE run_id = $1 ORDER BY source_id',
    run.id,
  );
  const price = (id: string) =>
    `${supabase.data.get('products', id)?.price} ${supabase.data.get('products', id)?.currency}`;
  const name = (id: string) => String(supabase.data.get('products', id)?.name);
  expect(said.map(({ code }) => code)).toEqual([
    ...['WOULD_INSERT', 'WOULD_UPDATE', 'WOULD_REPRICE', 'UNCHANGED', 'BAD_NUMBER', 'WOULD_INSERT'],
  ]);
  expect(said[0]?.message).toBe(`creates cms_1 "${name('1')}" with a price of ${price('1')}`);
  expect(said[1]?.message).toBe(`cms_2: name: "Another name" → "${name('2')}"`);
  expect(said[2]?.message).toBe(
    `cms_3: new price ${price('3')}; price price_old3 (0.01 ${price('3').slice(-3)}) archived`,
  );
  expect(stripe.journal.entries().filter(({ method }) => method !== 'GET')).toEqual([]);
  expect(JSON.stringify(supabase.data.ids('products').map((id) => supabase.data.get('products', id)))).toBe(rows);
  await expect(catalog.start({ trial: 3 })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
});

test('a bad day at Stripe loses nothing and makes nothing twice', async () => {
  catalog = await startCatalog({ supabase: { products: 40 }, env: { DROVER_MAX_ATTEMPTS: '20' } });
  catalog.stripe.faults.set([
    { fault: 'error', method: 'POST', every: 9, times: 6 },
    { fault: 'error-after', method: 'POST', every: 7, times: 6 },
    { fault: 'drop-after', method: 'POST', every: 11, times: 4 },
    { fault: 'drop-before', method: 'POST', every: 13, times: 3 },
    { fault: 'throttle', method: 'POST', every: 17, times: 2, code: 'lock_timeout' },
  ]);
  await catalog.work();
  const run = await catalog.run();
  expect(run).toMatchObject({ status: 'completed', entities: { products: { reconciled: 40 } } });
  expect(catalog.stripe.faults.tally().every(({ fired }) => fired > 1)).toBe(true);
  expect(catalog.stripe.data.counts()).toMatchObject({ product: 40, price: 40 });
  expect(await told(catalog)).toEqual([]);
  // A stored 500 is not asked for again under the key that would only bring it back.
  const replayed = catalog.stripe.journal.entries().filter(({ notes, status }) => notes?.replayed && status === 500);
  expect(replayed).toEqual([]);
});

test('changed products are changed, a changed amount or currency is a new price, and a rollback restores all of it', async () => {
  catalog = await startCatalog({ supabase: { products: 8 } });
  const { supabase, stripe } = catalog;
  await catalog.work();
  const first = await catalog.run();
  const [stripeBefore, rowBefore] = [objects(catalog), idsOf('2')];
  supabase.data.modify('products', '1', { name: 'New name', metadata: { colour: 'blue', size: 'L' } });
  supabase.data.modify('products', '2', { price: '7.5', currency: 'EUR' });
  supabase.data.modify('products', '3', { price: '1500', currency: 'ISK', active: false });
  const second = await catalog.run();
  expect(await codes(catalog, second.id)).toEqual({ UNCHANGED: 5, reconciled: 3 });
  expect(stripe.data.get('product', 'cms_1')).toMatchObject({
    name: 'New name',
    metadata: { cms_id: '1', colour: 'blue', size: 'L' },
  });
  const prices = stripe.data.all('price').filter(({ product }) => product === 'cms_2');
  expect(prices.map(({ active, currency, lookup_key: key }) => [active, currency, key])).toEqual([
    [true, 'eur', 'cms_2_eur'],
    [false, expect.stringMatching(/usd|eur|gbp|php/), expect.stringMatching(/^cms_2_|^$/)],
  ]);
  expect(stripe.data.all('price').find(({ currency }) => currency === 'isk')).toMatchObject({ unit_amount: 150_000 });
  expect(supabase.data.get('products', '2')).toMatchObject({ stripe_price_id: prices[0]?.id, sync_status: 'synced' });

  const dry = await catalog.control.rollback(second.id, { reason: 'test', dryRun: true }, operator);
  expect(dry).toMatchObject({ removed: 2, restored: 7, conflicts: [] });
  const undone = await rollBackAndWait(catalog.control, second.id, operator);
  expect(undone).toMatchObject({ conflicts: [] });
  const made = new Set(stripe.data.all('price').map(({ id }) => String(id)));
  const after = objects(catalog).filter(({ id }) => stripeBefore.some((one) => one.id === id));
  expect(after).toEqual(stripeBefore);
  expect(made.size).toBe(10);
  expect(stripe.data.all('price').filter(({ active }) => active)).toHaveLength(8);
  expect(idsOf('2')).toEqual(rowBefore);

  stripe.data.modify('product', 'cms_5', { name: 'Renamed by a person' });
  await catalog.sql(`UPDATE drover.before_images SET hash = 'x' WHERE source_id = '6' AND kind = 'row'`);
  const all = await rollBackAndWait(catalog.control, first.id, operator);
  expect(all).toMatchObject({
    removed: 14,
    restored: 7,
    conflicts: [{ detail: expect.stringContaining('is damaged (its hash differs)') }],
  });
  expect(stripe.data.all('product').filter(({ active }) => active)).toHaveLength(1);
  expect(idsOf('1')).toEqual([null, null, 'pending']);
});

/** The columns of a row that a move writes. */
function idsOf(id: string): readonly unknown[] {
  const row = catalog.supabase.data.get('products', id);
  return [row?.stripe_product_id, row?.stripe_price_id, row?.sync_status];
}

/** What can be changed of Stripe's objects, by id. */
function objects({ stripe }: Catalog) {
  const product = stripe.data
    .all('product')
    .map(({ id, name, description, images, active, metadata, default_price }) => {
      return { id, name, description, images, active, metadata, default_price };
    });
  const price = stripe.data
    .all('price')
    .map(({ id, active, lookup_key, metadata }) => ({ id, active, lookup_key, metadata }));
  return [...product, ...price].sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1));
}

/** A product an earlier move left in Stripe, as the catalogue has it but for these fields and the price. */
function seed(id: string, fields: Readonly<Record<string, unknown>>, amount?: number): void {
  const { stripe, supabase } = catalog;
  const row = supabase.data.get('products', id) ?? {};
  const metadata = { ...(row.metadata as object), cms_id: id };
  const images = [...new Set([row.image_url, ...(row.images as string[])])].filter((image) => image !== null);
  const price = `price_old${id}`;
  const { name, description, active } = row;
  stripe.data.insert('product', {
    ...{ name, description, active, images, metadata, ...fields },
    id: `cms_${id}`,
    default_price: price,
  });
  const minor = amount ?? Math.round(Number(row.price) * 100);
  const currency = String(row.currency).toLowerCase();
  const money = { currency, unit_amount: minor, unit_amount_decimal: String(minor) };
  stripe.data.insert('price', {
    id: price,
    product: `cms_${id}`,
    metadata,
    lookup_key: `cms_${id}_${currency}`,
    ...money,
  });
}
