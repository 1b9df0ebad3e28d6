import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startService, type TestService } from '../helpers/api-service.ts';
import { makeEvent, signedRequest, webhookSecret } from '../helpers/stripe-events.ts';

const secretToCome = 'whsec_the_next_one';

let service: TestService;
beforeAll(async () => {
  service = await startService({ stripeWebhookSecrets: [webhookSecret, secretToCome], rateLimit: 40 });
});
afterAll(() => service.stop());
beforeEach(() => service.database.$client.query('TRUNCATE drover.inbox'));

const stored = async () =>
  (await service.database.$client.query('SELECT event_id, type, state, payload, due_at FROM drover.inbox')).rows;
const updated = (id: string) => makeEvent(id, 'product.updated', { id: 'cms_1', object: 'product', name: 'Größe ✓' });

test('an event is stored once, however often it is sent', async () => {
  const first = await service.app.inject(signedRequest(updated('evt_1')));
  expect([first.statusCode, first.json()]).toEqual([200, { received: true, duplicate: false }]);
  const again = await Promise.all(
    Array.from({ length: 20 }, () => service.app.inject(signedRequest(updated('evt_1')))),
  );
  expect(again.map((answer) => answer.json().duplicate)).toEqual(Array.from({ length: 20 }, () => true));
  const [row, ...others] = await stored();
  expect(others).toEqual([]);
  expect(row).toMatchObject({ event_id: 'evt_1', state: 'pending', payload: updated('evt_1') });
});

test('only the receipt is kept of a type without a handler', async () => {
  const event = makeEvent('evt_2', 'customer.created', { id: 'cus_1', object: 'customer', email: 'jo@example.com' });
  expect((await service.app.inject(signedRequest(event))).statusCode).toBe(200);
  expect(await stored()).toEqual([
    { event_id: 'evt_2', type: 'customer.created', state: 'ignored', payload: null, due_at: null },
  ]);
});

test('while a secret is rotated, both are valid', async () => {
  const answer = await service.app.inject(signedRequest(updated('evt_3'), { secret: secretToCome }));
  expect(answer.statusCode).toBe(200);
  expect(await stored()).toHaveLength(1);
});

const good = () => signedRequest(updated('evt_4'));
const wrong = {
  'signed with another secret': () => signedRequest(updated('evt_4'), { secret: 'whsec_of_somebody' }),
  'signed 301 seconds ago': () => signedRequest(updated('evt_4'), { ageSeconds: 301 }),
  'serialised again': () => ({ ...good(), payload: JSON.stringify(JSON.parse(good().payload), null, 1) }),
  'with one byte flipped': () => {
    const bytes = Buffer.from(good().payload);
    const at = bytes.indexOf('cms_1') + 4;
    bytes[at] = Number(bytes[at]) ^ 1;
    return { ...good(), payload: bytes };
  },
  'with a byte that is no UTF-8': () => ({
    ...good(),
    payload: Buffer.concat([Buffer.from(good().payload), Buffer.of(0xff)]),
  }),
  'with the old scheme alone': () => {
    const { headers } = good();
    const signature = headers['stripe-signature'].replace(/,v1=[^,]*/, '');
    return { ...good(), headers: { ...headers, 'stripe-signature': signature } };
  },
  'with an empty signature': () => {
    const { headers } = good();
    const signature = headers['stripe-signature'].replace(/,v1=[^,]*/, ',v1=');
    return { ...good(), headers: { ...headers, 'stripe-signature': signature } };
  },
  'without a signature': () => ({ ...good(), headers: { 'content-type': 'application/json' } }),
  'without a body': () => ({ ...good(), payload: '' }),
};

test.each(Object.entries(wrong))('a body %s is refused, and nothing is stored', async (_how, request) => {
  const answer = await service.app.inject(request());
  expect(answer.statusCode).toBe(400);
  expect(answer.json()).toMatchObject({ code: 'WEBHOOK_SIGNATURE', remedy: expect.stringContaining('300 seconds') });
  expect(await stored()).toEqual([]);
});

test('a signed body that is no event is refused with the reason', async () => {
  for (const body of [
    { id: 'evt_5', object: 'v2.core.event' },
    { id: 'evt_5', object: 'event', type: 'product.updated' },
  ]) {
    const answer = await service.app.inject(signedRequest(body));
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'WEBHOOK_EVENT']);
  }
  expect(await stored()).toEqual([]);
});

test('a body above the limit is refused unread, and one just below it is accepted', async () => {
  const padded = (bytes: number) => signedRequest({ ...updated('evt_6'), padding: 'x'.repeat(bytes) });
  const over = await service.app.inject(padded(1_048_576));
  expect([over.statusCode, over.json().detail]).toEqual([413, expect.stringContaining('1 MB')]);
  expect(await stored()).toEqual([]);
  expect((await service.app.inject(padded(1_047_000))).statusCode).toBe(200);
});

test('forged ones count against the limit of their sender; valid ones are not limited', async () => {
  // Five a second: a machine on which 60 requests take more than ten seconds would be needed to refuse none of them.
  const limited = await startService({ stripeWebhookSecrets: [webhookSecret], rateLimit: 5 });
  try {
    const send = (secret: string, remoteAddress: string) => (_: unknown, n: number) =>
      limited.app.inject({ ...signedRequest(updated(`evt_${n}`), { secret }), remoteAddress });
    const valid = await Promise.all(Array.from({ length: 60 }, send(webhookSecret, '203.0.113.8')));
    expect(new Set(valid.map(({ statusCode }) => statusCode))).toEqual(new Set([200]));
    const forged = await Promise.all(Array.from({ length: 60 }, send('whsec_x', '203.0.113.9')));
    expect(new Set(forged.map(({ statusCode }) => statusCode))).toEqual(new Set([400, 429]));
  } finally {
    await limited.stop();
  }
});

test('without a secret the endpoint returns an error, so that Stripe repeats the event', async () => {
  const bare = await startService();
  try {
    const answer = await bare.app.inject(signedRequest(updated('evt_8')));
    expect([answer.statusCode, answer.json().code]).toEqual([503, 'WEBHOOK_NOT_CONFIGURED']);
    expect(answer.json().detail).toContain('STRIPE_WEBHOOK_SECRET');
  } finally {
    await bare.stop();
  }
});

test('viewers see received events and their outcomes, without bodies', async () => {
  for (const n of [1, 2, 3]) await service.app.inject(signedRequest(updated(`evt_${n}`)));
  await service.app.inject(signedRequest(makeEvent('evt_4', 'invoice.paid', { id: 'in_1', object: 'invoice' })));
  const list = (role: 'viewer' | 'operator', query = '') =>
    service.app.inject({ url: `/api/v1/webhooks${query}`, headers: service.as(role) });

  const newest = (await list('viewer', '?limit=3')).json();
  expect(newest.items.map(({ id }: { id: string }) => id)).toEqual(['evt_4', 'evt_3', 'evt_2']);
  expect(newest.items[0]).toMatchObject({ state: 'ignored', type: 'invoice.paid', objectId: 'in_1' });
  expect(newest.items.filter((item: object) => 'payload' in item)).toEqual([]);
  const rest = (await list('viewer', `?limit=3&cursor=${newest.nextCursor}`)).json();
  expect(rest).toMatchObject({ items: [{ id: 'evt_1' }], nextCursor: null });

  const { body } = await service.app.inject({ url: '/metrics', headers: service.as('viewer') });
  expect(body).toContain('drover_inbox_events{provider="stripe",state="pending"} 3');

  const whole = (await list('operator', '?state=pending&objectId=cms_1&type=product.updated')).json();
  expect(whole.items.map(({ payload }: { payload: { id: string } }) => payload.id)).toEqual([
    'evt_3',
    'evt_2',
    'evt_1',
  ]);
});
