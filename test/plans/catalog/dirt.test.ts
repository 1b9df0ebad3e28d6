import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { transformProduct } from '../../../src/plans/catalog/product.ts';
import type { Journal } from '../../../src/sandbox/core/journal.ts';
import { type Catalog, startCatalog } from '../../helpers/catalog-drover.ts';
import { type CatalogService, startCatalogService } from './catalog-service.ts';

// Whole runs, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 });

interface Case {
  readonly fields: Readonly<Record<string, unknown>>;
  /** The code it is rejected with, or what Stripe must hold of it. */
  readonly becomes: string | Readonly<Record<string, unknown>>;
}

const money = (price: string | null, currency: string | null = 'USD') => ({ price, currency });
const amount = (unitAmount: number, currency = 'usd') => ({ unit_amount: unitAmount, currency });
const keys = (n: number, name = (i: number) => `k${i}`) =>
  Object.fromEntries(Array.from({ length: n }, (_, i) => [name(i), 'v']));
const long = (head: string, length: number) => `${head}${'x'.repeat(length - head.length)}`;

/** Each wrong in one way, by its id. What is not said is a product as it should be. */
const cases: Readonly<Record<string, Case>> = {
  'name-null': { fields: { name: null, title: null }, becomes: 'MISSING_NAME' },
  'name-empty': { fields: { name: '' }, becomes: 'MISSING_NAME' },
  'name-blank': { fields: { name: ' \t\u00a0\u3000\n ' }, becomes: 'MISSING_NAME' },
  'name-invisible': { fields: { name: '\u200b\u200e\u202e\ufeff\u0007' }, becomes: 'MISSING_NAME' },
  'name-in-title': { fields: { name: ' ', title: 'From the title' }, becomes: { name: 'From the title' } },
  'name-5001': { fields: { name: 'n'.repeat(5_001) }, becomes: 'NAME_TOO_LONG' },
  'name-5000': { fields: { name: 'n'.repeat(5_000) }, becomes: { name: 'n'.repeat(5_000) } },
  'name-5000-emoji': { fields: { name: '🧦'.repeat(5_000) }, becomes: { name: '🧦'.repeat(5_000) } },
  'name-emoji': { fields: { name: '👩‍👩‍👧 T‑shirt 🇵🇭' }, becomes: { name: '👩‍👩‍👧 T‑shirt 🇵🇭' } },
  'name-rtl': { fields: { name: 'قميص ‏(أزرق)' }, becomes: { name: 'قميص ‏(أزرق)' } },
  'name-control': { fields: { name: 'Mug\u0007 with\r\n two\u001b lines' }, becomes: { name: 'Mug with two lines' } },
  'name-entities': {
    fields: { name: 'Jalape&ntilde;o &amp; lime, &frac12; l, Anna&#146;s &hearts; &amp;lt;' },
    becomes: { name: 'Jalapeño & lime, ½ l, Anna’s ♥ &lt;' },
  },
  'name-entity-blank': { fields: { name: '&nbsp;&#8203;', title: 'A title' }, becomes: { name: 'A title' } },
  'name-entity-unknown': { fields: { name: 'AT&T; R&D;' }, becomes: { name: 'AT&T; R&D;' } },
  'text-entities': {
    fields: { description: '&Ccedil;a va&excl; &check; &#x2122; &#12ab;' },
    becomes: { description: 'Ça va! ✓ ™ &#12ab;' },
  },
  'text-40001': { fields: { description: 'd'.repeat(40_001) }, becomes: 'DESCRIPTION_TOO_LONG' },
  'text-40000': { fields: { description: 'd'.repeat(40_000) }, becomes: { description: 'd'.repeat(40_000) } },
  'text-control': { fields: { description: 'a\u0001b\u0008\nc' }, becomes: { description: 'ab\nc' } },
  'text-blank': { fields: { description: '\u200b \n' }, becomes: { description: null } },
  'price-thousands': { fields: money('1,234.50'), becomes: 'BAD_NUMBER' },
  'price-sign': { fields: money('¥1200', 'JPY'), becomes: 'BAD_NUMBER' },
  'price-nan': { fields: money('NaN'), becomes: 'BAD_NUMBER' },
  'price-infinity': { fields: money('Infinity'), becomes: 'BAD_NUMBER' },
  'price-exponent': { fields: money('1e21'), becomes: 'BAD_NUMBER' },
  'price-arabic-digits': { fields: money('١٢'), becomes: 'BAD_NUMBER' },
  'price-hex': { fields: money('0x10'), becomes: 'BAD_NUMBER' },
  'price-negative': { fields: money('-1'), becomes: 'BAD_AMOUNT' },
  'price-minus-nothing': { fields: money('-0.00'), becomes: 'FREE_PRICE' },
  'price-zero': { fields: money('0'), becomes: 'FREE_PRICE' },
  'price-null': { fields: money(null), becomes: 'NO_PRICE' },
  'price-most': { fields: money('999999.99'), becomes: amount(99_999_999) },
  'price-too-much': { fields: money('1000000.00'), becomes: 'BAD_AMOUNT' },
  'price-pesos': { fields: money('4500000', 'COP'), becomes: amount(450_000_000, 'cop') },
  'price-too-fine': { fields: money('12.345', 'KWD'), becomes: 'BAD_AMOUNT' },
  'price-dinar': { fields: money('12.340', 'KWD'), becomes: amount(12_340, 'kwd') },
  'price-yen-fraction': { fields: money('1200.5', 'JPY'), becomes: 'BAD_AMOUNT' },
  'price-yen-zeros': { fields: money('1200.00', 'JPY'), becomes: 'BAD_AMOUNT' },
  'price-ugx': { fields: money('75000', 'UGX'), becomes: amount(7_500_000, 'ugx') },
  'price-isk': { fields: money('1500', 'ISK'), becomes: amount(150_000, 'isk') },
  'price-isk-fraction': { fields: money('1500.25', 'ISK'), becomes: 'BAD_AMOUNT' },
  'currency-mixed': { fields: money('5', ' uSd '), becomes: amount(500) },
  'currency-unknown': { fields: money('5', 'ABC'), becomes: 'UNKNOWN_CURRENCY' },
  'currency-none': { fields: money('5', 'XXX'), becomes: 'UNKNOWN_CURRENCY' },
  'currency-number': { fields: money('5', '840'), becomes: 'UNKNOWN_CURRENCY' },
  'currency-null': { fields: money('5', null), becomes: 'UNKNOWN_CURRENCY' },
  'images-bad': {
    fields: {
      image_url: 'ftp://a.example/x.png',
      images: ['/x.png', long('https://a.example/', 2_049), 'https://a b.example/x', 'data:image/png;base64,AA', 'x'],
    },
    becomes: { images: [] },
  },
  'images-good': {
    fields: { image_url: ' //a.example/1 2.png', images: ['http://b.example/ü.png', 'https://a.example/1%202.png'] },
    becomes: { images: ['https://a.example/1%202.png', 'http://b.example/%C3%BC.png'] },
  },
  'metadata-49': { fields: { metadata: keys(49) }, becomes: 'BAD_METADATA' },
  'metadata-48': { fields: { metadata: keys(48) }, becomes: { metadata: expect.objectContaining(keys(48)) } },
  'metadata-key-41': { fields: { metadata: { ['k'.repeat(41)]: 'v' } }, becomes: 'BAD_METADATA' },
  'metadata-key-bracket': { fields: { metadata: { 'a[0]': 'v' } }, becomes: 'BAD_METADATA' },
  'metadata-value-501': { fields: { metadata: { k: 'v'.repeat(501) } }, becomes: 'BAD_METADATA' },
  'metadata-value-500-emoji': {
    fields: { metadata: { k: '🧦'.repeat(500) } },
    becomes: { metadata: expect.objectContaining({ k: '🧦'.repeat(500) }) },
  },
  'metadata-nested': {
    fields: { metadata: { size: { eu: [38, 39] }, constructor: 'plain', 'a b.c&d=e': 'é' } },
    becomes: {
      metadata: expect.objectContaining({ size: '{"eu":[38,39]}', constructor: 'plain', 'a b.c&d=e': 'é' }),
    },
  },
  'metadata-blurred': { fields: { metadata: { ean: 2 ** 60 } }, becomes: 'BAD_METADATA' },
  'metadata-list': { fields: { metadata: ['a'] }, becomes: 'BAD_METADATA' },
  'metadata-ours': { fields: { metadata: { cms_id: 'somebody else', drover_run: 'r0' } }, becomes: {} },
  'active-words': { fields: { active: 'perhaps' }, becomes: 'BAD_ACTIVE' },
  'active-no': { fields: { active: 'false' }, becomes: { active: false } },
  'stale-live': { fields: { stripe_product_id: 'prod_of_another_mode', sync_status: 'synced' }, becomes: {} },
  'stale-dots': { fields: { stripe_product_id: '..', stripe_price_id: '.' }, becomes: {} },
  'stale-strange': { fields: { stripe_product_id: '../prices?limit=1', stripe_price_id: ' ' }, becomes: {} },
  archived: { fields: { stripe_product_id: 'cms_archived', sync_status: 'synced' }, becomes: { active: true } },
  'no-zone': { fields: { updated_at: '2024-01-05 15:04:00' }, becomes: {} },
  'no-date': { fields: { updated_at: 'yesterday' }, becomes: {} },
  'id with "quotes", commas & ünïcode/..%2F?': { fields: { slug: 'twice' }, becomes: {} },
  "id'; DROP TABLE goods; --": { fields: { slug: 'twice' }, becomes: {} },
  [long('long-', 80)]: { fields: {}, becomes: {} },
};

const text = ['id', 'name', 'title', 'description', 'price', 'currency', 'image_url', 'active', 'slug', 'updated_at'];
const columns = {
  ...Object.fromEntries([...text, 'stripe_product_id', 'stripe_price_id', 'sync_status'].map((name) => [name, 'text'])),
  images: 'text[]',
  metadata: 'jsonb',
} as const;

const product = { price: '19.99', currency: 'USD', sync_status: 'pending' };

let catalog: Catalog;
let service: CatalogService;

beforeAll(async () => {
  const rows = Object.entries(cases).map(([id, { fields }]) => {
    return { ...product, id, name: `Product ${id}`, ...fields };
  });
  const tables = { goods: { columns, rows } } as never;
  catalog = await startCatalog({ supabase: { products: 0, tables } });
  service = await startCatalogService(catalog);
  catalog.stripe.data.insert('product', { id: 'cms_archived', active: false, metadata: { cms_id: 'archived' } });
  await catalog.work();
});
afterAll(async () => {
  await service.stop();
  await catalog.close();
});

const everything = ['--strategy', 'full', '--param'];
const command = (name: string, ...args: string[]) => service.command(name, ...everything, 'table=goods', ...args);
const writes = (journal: Journal) => journal.entries().filter(({ method }) => method !== 'GET');

test('validation and dry run say of each product what is wrong with it, and write nothing', async () => {
  for (const name of ['migrate:validate', 'migrate:dry-run']) {
    const ran = await command(name, '--rows', '0');
    expect(ran.code, ran.stderr).toBe(1);
    for (const [id, { becomes }] of Object.entries(cases)) {
      if (typeof becomes === 'string') expect(ran.stdout).toContain(`  products ${id}: ${becomes} in `);
    }
  }
  expect([...writes(catalog.stripe.journal), ...writes(catalog.supabase.journal)]).toEqual([]);
});

test('each product is loaded as it should be, or rejected with its reason before any call', async () => {
  const ran = await command('migrate');
  expect(ran.code, ran.stderr).toBe(1);
  const records = await catalog.sql<{ source_id: string; status: string; code: string | null }>(
    `SELECT source_id, status, code FROM drover.records WHERE run_id = (SELECT max(run_id) FROM drover.before_images)`,
  );
  const verdicts = Object.fromEntries(records.map(({ source_id: id, status, code }) => [id, code ?? status]));
  const wanted = Object.entries(cases).map(([id, { becomes }]) => [
    id,
    typeof becomes === 'string' ? becomes : 'reconciled',
  ]);
  expect(verdicts).toEqual(Object.fromEntries(wanted));
  const wrong = Object.entries(cases).flatMap(([id, { becomes }]) => problemsOf(id, becomes));
  expect(wrong).toEqual([]);
  // Nothing was refused there: what is wrong was known here.
  expect(catalog.stripe.journal.entries().filter(({ status }) => status >= 400 && status !== 404)).toEqual([]);
  expect((await service.command('migrate:resume')).stderr).toContain('NOTHING_TO_RESUME');
});

/** What Stripe and the row hold of a product, where it is not what is wanted. */
function problemsOf(id: string, becomes: Case['becomes']): unknown[] {
  const row = catalog.supabase.data.get('goods', id);
  const product = catalog.stripe.data.get('product', String(row?.stripe_product_id));
  const price = catalog.stripe.data.get('price', String(row?.stripe_price_id));
  if (typeof becomes === 'string') return product === undefined ? [] : [`${id} is in Stripe`];
  const { unit_amount: unitAmount = 1_999, currency = 'usd', ...fields } = becomes;
  try {
    expect(product).toMatchObject({
      name: `Product ${id}`,
      default_price: price?.id,
      metadata: { cms_id: id },
      ...fields,
    });
    expect(price).toMatchObject({ unit_amount: unitAmount, currency, active: true });
    expect(row).toMatchObject({ sync_status: 'synced' });
    return [];
  } catch (problem) {
    return [id, problem];
  }
}

test('a key that JavaScript takes for something else is refused', () => {
  const raw = { ...JSON.parse('{"metadata": {"__proto__": "x"}}'), name: 'Mug', price: '5', currency: 'USD' };
  expect(transformProduct(raw, { sourceId: '1', params: {} })).toMatchObject({ kind: 'reject', code: 'BAD_METADATA' });
});

test.each([
  [{ name: { en: 'Mug' }, title: 'A title' }, 'BAD_TEXT', 'name'],
  [{ name: ['Mug'] }, 'BAD_TEXT', 'name'],
  [{ deleted_at: 'last week' }, 'BAD_DATE', 'deleted_at'],
  [{ deleted_at: { at: '2024-01-01' } }, 'BAD_DATE', 'deleted_at'],
  [{ deleted_at: '2024-13-01' }, 'BAD_DATE', 'deleted_at'],
  [{ stripe_product_id: { id: 'prod_1' } }, 'BAD_TEXT', 'stripe_product_id'],
  [{ stripe_price_id: 17 }, 'BAD_TEXT', 'stripe_price_id'],
  [{ currency: 'XXZ' }, 'UNKNOWN_CURRENCY', 'currency'],
  [{ price: { value: 5 } }, 'BAD_NUMBER', 'price'],
  [{ active: [] }, 'BAD_ACTIVE', 'active'],
])('of %j it is said that it cannot be read', (fields, code, field) => {
  const outcome = transformProduct(
    { name: 'Mug', price: '5', currency: 'USD', ...fields },
    { sourceId: '1', params: {} },
  );
  expect(outcome).toMatchObject({ kind: 'reject', code, field, message: expect.stringContaining('cannot be read') });
});

// Of the kinds of public bug reports about prices at Stripe: Paymenter/Paymenter#1258 and InvoicePlane/InvoicePlane#1677 (yen by
// the hundred), stripe/stripe-ios#2601 (rupees without decimals), medusajs/medusa#12797 (6,95 becomes 6).
test.each([
  ['80', 'JPY', '80'],
  ['80', 'krw', '80'],
  ['1000', 'PKR', '100000'],
  ['19.9', 'USD', '1990'],
  ['6,95', 'EUR', 'BAD_NUMBER'],
  ['80.00', 'JPY', 'BAD_AMOUNT'],
  ['$19.99', 'USD', 'BAD_NUMBER'],
  ['1 234.50', 'EUR', 'BAD_NUMBER'],
])('a price of %s %s is %s', (price, currency, wanted) => {
  const outcome = transformProduct({ name: 'Mug', price, currency }, { sourceId: '1', params: {} });
  expect(outcome.kind === 'row' ? outcome.row.amount : outcome.code).toBe(wanted);
});

test.each([
  [null, 'row'],
  ['', 'row'],
  [false, 'row'],
  ['false', 'row'],
  [0, 'row'],
  [true, 'skip'],
  ['2024-01-01 10:00:00.5+00', 'skip'],
  ['2024-01-01T10:00:00Z', 'skip'],
  ['2024-01-01', 'skip'],
])('a product with deleted_at %j is a %s', (deleted, kind) => {
  const raw = { name: 'Mug', price: '5', currency: 'USD', deleted_at: deleted };
  expect(transformProduct(raw, { sourceId: '1', params: {} }).kind).toBe(kind);
});

test('rows of what is rejected are failed, told by their id, and a second run does not tell them again', async () => {
  expect(statusesOf((one) => typeof one.becomes === 'string')).toEqual(['failed']);
  const told = writes(catalog.supabase.journal).map(({ method, query, touched }) => [
    method,
    query.id !== undefined,
    touched?.length,
  ]);
  expect(told).toEqual(Array(Object.keys(cases).length).fill(['PATCH', true, 1]));
  expect((await command('migrate')).code).toBe(1);
  expect(writes(catalog.supabase.journal)).toHaveLength(told.length);
});

test('a rollback makes rows pending without ids, and gives those that were synced before what they had', async () => {
  const [, first] = await catalog.sql<{ id: string }>(
    `SELECT id FROM drover.runs WHERE NOT dry_run ORDER BY created_at DESC`,
  );
  const ran = await service.command('rollback', String(first?.id), '--reason', 'a test', '--yes');
  expect(ran.code, ran.stderr + ran.stdout).toBe(0);
  const rows = Object.entries(cases).map(
    ([id, { fields }]) => [id, fields, catalog.supabase.data.get('goods', id)] as const,
  );
  for (const [
    id,
    { stripe_product_id: product = null, stripe_price_id: price = null, sync_status: before },
    row,
  ] of rows) {
    const was = {
      stripe_product_id: product,
      stripe_price_id: price,
      sync_status: before === 'synced' ? before : 'pending',
    };
    expect(row, id).toMatchObject(was);
  }
  expect(catalog.stripe.data.all('product').filter(({ active }) => active)).toEqual([]);
  expect((await service.command('rollback', String(first?.id), '--reason', 'again', '--yes')).stderr).toContain(
    'NOT_ALLOWED_NOW',
  );
});

/** The distinct statuses of rows. */
function statusesOf(matches: (one: Case) => boolean): unknown[] {
  const ids = Object.entries(cases).flatMap(([id, one]) => (matches(one) ? [id] : []));
  return [...new Set(ids.map((id) => catalog.supabase.data.get('goods', id)?.sync_status))];
}
