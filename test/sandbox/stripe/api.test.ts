import Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StripeSandbox, startStripeSandbox } from '../../../src/sandbox/stripe/sandbox.ts';

let sandbox: StripeSandbox;
let stripe: Stripe;

beforeEach(async () => {
  sandbox = await startStripeSandbox({ endpointRps: 0, globalRps: 0 });
  stripe = client();
});
afterEach(() => sandbox.close());

function client(key = sandbox.secretKey): Stripe {
  const { hostname, port } = new URL(sandbox.url);
  return new Stripe(key, { host: hostname, port, protocol: 'http', maxNetworkRetries: 0, telemetry: false });
}

async function rejection(work: Promise<unknown>) {
  const error: unknown = await work.then(
    () => 'no error',
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(Stripe.errors.StripeError);
  return error as Stripe.errors.StripeError;
}

const price = { currency: 'usd', unit_amount: 1999 };

describe('products', () => {
  it('store the given fields under a given id', async () => {
    const images = ['https://cdn.example/a.png', 'https://cdn.example/b.png'];
    const given = {
      id: 'cms_42',
      name: 'T-shirt',
      description: 'Soft',
      images,
      metadata: { cms_id: '42', 'a b': 'ü' },
    };
    const made = await stripe.products.create(given);
    expect(made).toMatchObject({ ...given, object: 'product', active: true, livemode: false, default_price: null });
    // The fields of Stripe's specification that were not given have their default values.
    expect(made).toMatchObject({
      marketing_features: [],
      tax_details: null,
      tax_code: null,
      url: null,
      shippable: null,
    });
    const taxed = await stripe.products.update('cms_42', { tax_details: { tax_code: 'txcd_1' } });
    expect(taxed.tax_details).toEqual({ performance_location: null, tax_code: 'txcd_1' });
    expect(made.lastResponse.requestId).toMatch(/^req_/);
    expect(await stripe.products.retrieve('cms_42')).toMatchObject(given);
    const again = await rejection(stripe.products.create(given));
    expect(again).toMatchObject({
      statusCode: 400,
      code: 'resource_already_exists',
      type: 'StripeInvalidRequestError',
    });
  });

  it('change by field; empty text unsets a field', async () => {
    const { id } = await stripe.products.create({ name: 'A', description: 'B', metadata: { a: '1', b: '2' } });
    sandbox.clock.advance(5_000);
    const changed = await stripe.products.update(id, { description: '', metadata: { a: '', c: '3' }, active: false });
    expect(changed).toMatchObject({ name: 'A', description: null, metadata: { b: '2', c: '3' }, active: false });
    expect(changed.updated - changed.created).toBeGreaterThanOrEqual(5);
    expect((await stripe.products.update(id, { metadata: '' })).metadata).toEqual({});
  });

  it('can be deleted only without prices', async () => {
    const { id } = await stripe.products.create({ name: 'A' });
    await stripe.prices.create({ ...price, product: id });
    expect((await rejection(stripe.products.del(id))).message).toContain('has one or more user-created prices');
    const free = await stripe.products.create({ name: 'B' });
    expect(await stripe.products.del(free.id)).toMatchObject({ id: free.id, deleted: true });
    expect(await rejection(stripe.products.retrieve(free.id))).toMatchObject({
      statusCode: 404,
      code: 'resource_missing',
      message: `No such product: '${free.id}'`,
    });
  });

  it('can be created with a default price, which can be expanded', async () => {
    const made = await stripe.products.create({ name: 'A', default_price_data: price, expand: ['default_price'] });
    expect(made.default_price).toMatchObject({ object: 'price', unit_amount: 1999, product: made.id });
    const { data } = await stripe.products.list({ expand: ['data.default_price'] });
    expect(data[0]?.default_price).toMatchObject({ unit_amount: 1999 });
    expect((await rejection(stripe.products.list({ expand: ['data.name'] }))).param).toBe('expand');
  });

  it.each([
    [{ name: '' }, 'name'],
    [{ name: 'A', images: Array.from({ length: 9 }, (_, i) => `https://cdn.example/${i}.png`) }, 'images'],
    [{ name: 'A', images: ['//cdn.example/x.png'] }, 'images[0]'],
    [{ name: 'A', images: ['https://cdn.example/my photo.png'] }, 'images[0]'],
    [{ name: 'A', metadata: { long: 'x'.repeat(501) } }, 'metadata[long]'],
    [{ name: 'A', metadata: { ['k'.repeat(41)]: 'x' } }, 'metadata'],
    [{ name: 'A', metadata: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, 'x'])) }, 'metadata'],
    [{ name: 'A', statement_descriptor: 'x'.repeat(23) }, 'statement_descriptor'],
    [{ name: 'A', colour: 'red' } as Stripe.ProductCreateParams, 'colour'],
    [{} as Stripe.ProductCreateParams, 'name'],
  ])('are rejected with invalid parameters: %#', async (given, param) => {
    expect(await rejection(stripe.products.create(given))).toMatchObject({ statusCode: 400, param });
    expect(sandbox.data.counts().product ?? 0).toBe(0);
  });

  it('are rejected with brackets in a metadata key', async () => {
    await rejection(stripe.products.create({ name: 'A', metadata: { 'a[b]': 'x' } }));
  });
});

describe('prices', () => {
  let product: string;
  beforeEach(async () => {
    product = (await stripe.products.create({ name: 'A' })).id;
  });

  it('have the fields of Stripe’s prices', async () => {
    const made = await stripe.prices.create({ ...price, product, lookup_key: 'cms_1_usd', metadata: { cms_id: '1' } });
    expect(made).toMatchObject({ object: 'price', active: true, type: 'one_time', unit_amount: 1999, product });
    expect(made.unit_amount_decimal?.toString()).toBe('1999');
    const monthly = await stripe.prices.create({ ...price, product, recurring: { interval: 'month' } });
    expect(monthly).toMatchObject({ type: 'recurring', recurring: { interval: 'month', interval_count: 1 } });
  });

  it('have at most eight digits, twelve in low-value currencies', async () => {
    const large = { product, currency: 'usd', unit_amount: 100_000_000 };
    expect(await rejection(stripe.prices.create(large))).toMatchObject({ statusCode: 400, param: 'unit_amount' });
    expect((await stripe.prices.create({ ...large, unit_amount: 99_999_999 })).unit_amount).toBe(99_999_999);
    expect((await stripe.prices.create({ ...large, currency: 'cop' })).unit_amount).toBe(100_000_000);
  });

  it('never change their amount or currency', async () => {
    const { id } = await stripe.prices.create({ ...price, product });
    const change = { unit_amount: 5 } as unknown as Stripe.PriceUpdateParams;
    expect(await rejection(stripe.prices.update(id, change))).toMatchObject({
      code: 'parameter_unknown',
      param: 'unit_amount',
    });
    expect(await stripe.prices.update(id, { active: false, nickname: 'old' })).toMatchObject({
      active: false,
      unit_amount: 1999,
    });
  });

  it('have unique lookup keys, archived prices included, unless the key is transferred', async () => {
    const old = await stripe.prices.create({ ...price, product, lookup_key: 'k' });
    await stripe.prices.update(old.id, { active: false });
    const twice = await rejection(stripe.prices.create({ ...price, product, lookup_key: 'k' }));
    expect(twice.message).toBe(`A price (\`${old.id}\`) already uses that lookup key.`);
    const moved = await stripe.prices.create({ ...price, product, lookup_key: 'k', transfer_lookup_key: true });
    expect((await stripe.prices.retrieve(old.id)).lookup_key).toBeNull();
    const { data } = await stripe.prices.list({ lookup_keys: ['k'] });
    expect(data.map(({ id }) => id)).toEqual([moved.id]);
  });

  it('cannot be archived while they are the default', async () => {
    const made = await stripe.products.create({ name: 'B', default_price_data: price });
    const current = String(made.default_price);
    expect((await rejection(stripe.prices.update(current, { active: false }))).message).toContain(
      'is the default price',
    );
    await stripe.products.update(made.id, { default_price: '' });
    expect((await stripe.prices.update(current, { active: false })).active).toBe(false);
    expect((await rejection(stripe.products.update(made.id, { default_price: current }))).param).toBe('default_price');
    expect((await rejection(stripe.products.update(product, { default_price: current }))).message).toContain(
      'does not belong',
    );
  });

  it.each([
    [{ currency: 'qqq', unit_amount: 1 }, 'currency'],
    [{ currency: 'usd' }, 'unit_amount'],
    [{ currency: 'usd', unit_amount: -1 }, 'unit_amount'],
    [{ currency: 'kwd', unit_amount: 1234 }, 'unit_amount'],
    [{ currency: 'isk', unit_amount: 150 }, 'unit_amount'],
    [{ currency: 'usd', unit_amount: 1, lookup_key: 'x'.repeat(201) }, 'lookup_key'],
    [{ currency: 'usd', unit_amount: 1.5 }, 'unit_amount'],
  ])('are rejected with invalid parameters: %o', async (given, param) => {
    expect(await rejection(stripe.prices.create({ ...given, product }))).toMatchObject({ statusCode: 400, param });
  });

  it('need an existing product', async () => {
    expect(await rejection(stripe.prices.create({ ...price, product: 'prod_no' }))).toMatchObject({
      statusCode: 400,
      code: 'resource_missing',
      param: 'product',
    });
    expect((await rejection(stripe.prices.create(price))).param).toBe('product');
  });

  it('accept fractions of a cent only as decimals', async () => {
    const made = await stripe.prices.create({
      currency: 'USD',
      product,
      unit_amount_decimal: '0.5' as unknown as Stripe.Decimal,
    });
    expect(made).toMatchObject({ currency: 'usd', unit_amount: null });
  });
});

describe('lists', () => {
  it('are newest first and can be paged in both directions', async () => {
    for (let i = 1; i <= 25; i++) await stripe.products.create({ id: `p${i}`, name: `P ${i}`, active: i % 2 === 0 });
    const ids = (page: { data: { id: string }[] }) => page.data.map(({ id }) => id);
    const first = await stripe.products.list();
    expect([first.has_more, first.url, first.data.length, first.data[0]?.id]).toEqual([
      true,
      '/v1/products',
      10,
      'p25',
    ]);
    const second = await stripe.products.list({ starting_after: 'p16' });
    expect(ids(second)[0]).toBe('p15');
    expect(ids(await stripe.products.list({ ending_before: 'p15' }))).toEqual(ids(first));
    expect((await stripe.products.list({ starting_after: 'p2' })).has_more).toBe(false);
    expect(await stripe.products.list({ active: true, limit: 100 })).toMatchObject({ data: { length: 12 } });
    const all: string[] = [];
    for await (const { id } of stripe.products.list({ limit: 7 })) all.push(id);
    expect(all).toEqual(Array.from({ length: 25 }, (_, i) => `p${25 - i}`));
    expect(ids(await stripe.products.list({ ids: ['p3', 'p9', 'no'] }))).toEqual(['p9', 'p3']);
  });

  it('filter by time and reject unknown parameters', async () => {
    await stripe.products.create({ id: 'old', name: 'A' });
    sandbox.clock.advance(3_600_000);
    const { created } = await stripe.products.create({ id: 'new', name: 'B' });
    const after = await stripe.products.list({ created: { gte: created } });
    expect(after.data.map(({ id }) => id)).toEqual(['new']);
    expect((await rejection(stripe.products.list({ limit: 101 }))).param).toBe('limit');
    expect(await rejection(stripe.products.list({ starting_after: 'no' }))).toMatchObject({
      statusCode: 400,
      code: 'resource_missing',
    });
    expect((await rejection(stripe.prices.list({ lookup_keys: Array.from({ length: 11 }, String) }))).param).toBe(
      'lookup_keys',
    );
    expect((await rejection(stripe.products.list({ colour: 'red' } as never))).code).toBe('parameter_unknown');
  });
});

describe('search', () => {
  it('finds changes after a minute', async () => {
    await stripe.products.create({ id: 'a', name: 'Blue shirt', metadata: { cms_id: '42' } });
    const query = "metadata['cms_id']:'42' AND active:'true'";
    expect((await stripe.products.search({ query })).data).toEqual([]);
    sandbox.clock.advance(61_000);
    expect((await stripe.products.search({ query })).data.map(({ id }) => id)).toEqual(['a']);
    await stripe.products.update('a', { active: false });
    expect((await stripe.products.search({ query })).data).toHaveLength(1);
    expect((await stripe.products.search({ query: 'name:"shirt"' })).data).toHaveLength(1);
    expect((await stripe.products.search({ query: "-metadata['cms_id']:'42'" })).data).toHaveLength(0);
    expect((await rejection(stripe.products.search({ query: 'what?' }))).param).toBe('query');
    expect((await rejection(stripe.products.search({ query: "colour:'red'" }))).message).toContain(
      'unsupported search field',
    );
  });
});

describe('keys and accounts', () => {
  it('are checked', async () => {
    expect(await rejection(client('sk_test_wrong_1234').products.list())).toMatchObject({ statusCode: 401 });
    expect((await fetch(`${sandbox.url}/v1/products`)).status).toBe(401);
    const reader = client(sandbox.readOnlyKey);
    await reader.products.list();
    expect(await rejection(reader.products.create({ name: 'A' }))).toMatchObject({ statusCode: 403 });
    expect(await rejection(stripe.products.list({}, { stripeAccount: 'acct_no' }))).toMatchObject({ statusCode: 403 });
  });

  it('have separate data, and errors mention the other mode', async () => {
    await client(sandbox.liveKey).products.create({ id: 'p', name: 'A' });
    const { message } = await rejection(stripe.products.retrieve('p'));
    expect(message).toContain('a similar object exists in live mode, but a test mode key was used');
    await stripe.products.create({ id: 'q', name: 'A' }, { stripeAccount: 'acct_sandboxconnected' });
    await rejection(stripe.products.retrieve('q'));
    expect(sandbox.liveData.get('product', 'p')).toMatchObject({ livemode: true });
  });

  it('get an error for unknown URLs and JSON bodies', async () => {
    expect((await rejection(stripe.rawRequest('GET', '/v1/wombats'))).message).toContain('Unrecognized request URL');
    const headers = { authorization: `Bearer ${sandbox.secretKey}`, 'content-type': 'application/json' };
    const json = await fetch(`${sandbox.url}/v1/products`, { method: 'POST', headers, body: '{"name":"A"}' });
    expect(json.status).toBe(400);
  });
});
