import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Stripe from 'stripe';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type StripeSandbox, startStripeSandbox } from '../../../src/sandbox/stripe/sandbox.ts';
import { signatureHeader } from '../../../src/sandbox/stripe/webhooks.ts';

interface Received {
  readonly body: string;
  readonly signature: string;
}

let sandbox: StripeSandbox;
let server: Server;
let received: Received[];
let answers: number[];

beforeEach(async () => {
  received = [];
  answers = [];
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    received.push({ body, signature: String(request.headers['stripe-signature']) });
    response.writeHead(answers.shift() ?? 200).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const webhookUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  sandbox = await startStripeSandbox({ webhookUrl, webhookSecret: 'whsec_test' });
});
afterEach(async () => {
  await sandbox.close();
  await new Promise((resolve) => server.close(resolve));
});

function client(): Stripe {
  const { hostname, port } = new URL(sandbox.url);
  return new Stripe(sandbox.secretKey, { host: hostname, port, protocol: 'http' });
}

const verify = ({ body, signature }: Received) => Stripe.webhooks.constructEvent(body, signature, 'whsec_test');

it('signs as Stripe does', () => {
  const body = '{"id":"evt_1","amount":1000}';
  expect(signatureHeader(body, 'whsec_test', 1700000000)).toMatch(
    /^t=1700000000,v1=c7c6fc78e3a73f81b9fd2481ec73d780ad417a8e28def439f8b717c89e483d7e,v0=/,
  );
});

it('sends events, and retries until the receiver accepts them', async () => {
  answers = [500];
  const product = await client().products.create({ name: 'A' }, { idempotencyKey: 'k' });
  await client().products.update(product.id, { name: 'B' });
  await sandbox.webhooks.whenIdle();
  expect(sandbox.webhooks.deliveries.map(({ status }) => status).sort()).toEqual([200, 200, 500]);
  const events = received.map(verify);
  const created = events.find(({ type }) => type === 'product.created');
  expect(created).toMatchObject({
    object: 'event',
    api_version: '2026-10-28.endive',
    request: { idempotency_key: 'k' },
  });
  expect(created?.data.object).toMatchObject({ id: product.id, name: 'A' });
  expect(events.find(({ type }) => type === 'product.updated')?.data.previous_attributes).toMatchObject({ name: 'A' });
  const listed = await client().events.list({ type: 'product.*' });
  expect(listed.data.map(({ type }) => type)).toEqual(['product.updated', 'product.created']);
  expect(await client().events.retrieve(String(created?.id))).toMatchObject({ id: created?.id });
});

it.each([
  ['stale', { ageSeconds: 301 }],
  ['tampered with', { tampered: true }],
  ['signed with another secret', { secret: 'whsec_other' }],
])('can send events that are %s, which a receiver must reject', async (_, faults) => {
  await client().products.create({ name: 'A' });
  await sandbox.webhooks.whenIdle();
  received.length = 0;
  await sandbox.webhooks.resend(sandbox.data.all('event')[0] ?? {}, { ...faults, times: 2 });
  expect(received).toHaveLength(2);
  for (const delivery of received)
    expect(() => verify(delivery)).toThrow(Stripe.errors.StripeSignatureVerificationError);
});
