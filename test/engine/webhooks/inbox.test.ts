import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createInboxReceiver } from '../../../src/engine/webhooks/store.ts';
import { useOf } from '../../../src/payments/webhook-handlers.ts';
import { Random } from '../../../src/sandbox/core/random.ts';
import { verifyStripeEvent } from '../../../src/upstreams/stripe/webhook.ts';
import { type Catalog, startCatalog } from '../../helpers/catalog-drover.ts';
import { makeEvent, signedRequest, webhookSecret } from '../../helpers/stripe-events.ts';

let catalog: Catalog;
beforeAll(async () => {
  catalog = await startCatalog({ supabase: { products: 6 } });
  await catalog.work();
  await catalog.run();
}, 60_000);
afterAll(() => catalog.close());

/** Stores a delivery as the route does. */
async function deliver(event: object): Promise<void> {
  const { payload, headers } = signedRequest(event);
  const request = { body: Buffer.from(payload), signature: headers['stripe-signature'] };
  const verified = { provider: 'stripe', ...verifyStripeEvent(request, [webhookSecret]) } as const;
  await createInboxReceiver(catalog.database.$client).store(verified, useOf(verified.type));
}

interface Kept {
  readonly state: string;
  readonly code: string | null;
  readonly effect: string | null;
  readonly attempts: number;
}

/** Waits until an event has the expected state. */
async function until(id: string, isThere: (event: Kept) => boolean): Promise<Kept> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const [event] = await catalog.sql<Kept>(
      'SELECT state, code, effect, attempts FROM drover.inbox WHERE event_id = $1',
      id,
    );
    if (event && isThere(event)) return event;
    if (Date.now() > deadline) throw new Error(`the event ${id} is ${JSON.stringify(event)}`);
    await sleep(50);
  }
}

const applied = (id: string) => until(id, ({ state }) => state === 'applied');
const observation = async (id: string) =>
  (await catalog.sql('SELECT state, differs, source_id, events FROM drover.observations WHERE object_id = $1', id))[0];
/** The result of all events: the number of events of each object, and its stored observation. */
const outcome = () =>
  catalog.sql('SELECT object_id, state, differs, events FROM drover.observations ORDER BY object_id');
const product = (id: string) => ({ id, object: 'product' });

test('objects that the run made do not differ from their rows', async () => {
  const events = catalog.stripe.data.all('event');
  expect(events.length).toBeGreaterThanOrEqual(18);
  const requests = catalog.stripe.journal.size;
  for (const event of events) await deliver(event);
  for (const { id } of events) await applied(String(id));
  const seen = await catalog.sql('SELECT object_id, differs, events FROM drover.observations ORDER BY object_id');
  expect(seen).toEqual(
    [1, 2, 3, 4, 5, 6].map((n) => ({ object_id: `cms_${n}`, differs: [], events: events.length / 6 })),
  );
  // Read together instead of once for each event.
  expect(catalog.stripe.journal.size - requests).toBeLessThan(events.length / 2);
});

test('fifty of each event at once and in any order have the effect of one', async () => {
  catalog.stripe.data.modify('product', 'cms_6', { name: 'Six' });
  const events = catalog.stripe.data.all('event');
  await catalog.work(['load']);
  const orders = [new Random(1), new Random(2)].map((random) => {
    return random.shuffle(events.flatMap((event) => Array.from({ length: 50 }, () => event)));
  });
  const outcomes = [];
  for (const order of orders) {
    await catalog.sql('TRUNCATE drover.inbox, drover.observations');
    await Promise.all(order.map(deliver));
    for (const { id } of events) await applied(String(id));
    outcomes.push(await outcome());
  }
  expect(await catalog.sql('SELECT DISTINCT event_id FROM drover.inbox')).toHaveLength(events.length);
  expect(outcomes[1]).toEqual(outcomes[0]);
  expect(outcomes[0]?.at(-1)).toMatchObject({ object_id: 'cms_6', differs: ['name'], events: events.length / 6 });
});

test('a change made at Stripe is recorded with its row, in the plan’s names, and the row is unchanged', async () => {
  const rows = () => catalog.sql('SELECT * FROM catalog.products ORDER BY id');
  const before = await rows();
  catalog.stripe.data.modify('product', 'cms_1', { name: 'Renamed by hand', active: false });
  // The event has other values: it only names the object to read.
  await deliver(makeEvent('evt_renamed', 'product.updated', { ...product('cms_1'), name: 'Long ago' }));
  expect(await applied('evt_renamed')).toMatchObject({ effect: 'cms_1 differs from its row in name, active' });
  const noted = await observation('cms_1');
  expect(noted).toMatchObject({ differs: ['name', 'active'], source_id: '1', state: { name: 'Renamed by hand' } });
  expect(await rows()).toEqual(before);
});

test('an event of a price updates its product', async () => {
  const price = String(catalog.stripe.data.get('product', 'cms_2')?.default_price);
  catalog.stripe.data.modify('price', price, { active: false });
  await deliver(makeEvent('evt_price', 'price.updated', { id: price, object: 'price', product: 'cms_2' }));
  expect(await applied('evt_price')).toMatchObject({ effect: 'cms_2 differs from its row in price.active' });
});

test('a deleted product is recorded as missing', async () => {
  catalog.stripe.data.delete('product', 'cms_3');
  await deliver(makeEvent('evt_deleted', 'product.deleted', product('cms_3')));
  expect(await applied('evt_deleted')).toMatchObject({ effect: 'cms_3 no longer exists' });
  expect(await observation('cms_3')).toMatchObject({ state: null, differs: ['missing'] });
});

test('events of another mode, of other accounts and of products that are not ours are ignored with their reasons', async () => {
  await deliver(makeEvent('evt_live', 'product.updated', product('cms_4'), { livemode: true }));
  await deliver(makeEvent('evt_connected', 'product.updated', product('cms_4'), { account: 'acct_1' }));
  await deliver(makeEvent('evt_strange', 'product.updated', product('prod_of_somebody')));
  const settled = ({ state }: Kept) => state === 'ignored';
  expect(await until('evt_live', settled)).toMatchObject({ code: 'OTHER_MODE' });
  expect(await until('evt_connected', settled)).toMatchObject({ code: 'OTHER_ACCOUNT' });
  // Its row may not be written yet.
  expect(await until('evt_strange', ({ attempts }) => attempts === 2)).toMatchObject({
    state: 'pending',
    code: 'NO_ROW',
  });
});

test('while Stripe does not answer an event is kept with its error, and applied afterwards', async () => {
  catalog.stripe.faults.set([{ fault: 'unavailable', method: 'GET' }]);
  await deliver(makeEvent('evt_away', 'product.updated', product('cms_5')));
  expect(await until('evt_away', ({ state }) => state === 'failed')).toMatchObject({ code: 'UPSTREAM_ERROR' });
  catalog.stripe.faults.clear();
  expect(await applied('evt_away')).toMatchObject({ code: null, effect: 'cms_5 is as its row says' });
}, 60_000);
