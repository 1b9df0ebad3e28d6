import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { createInboxReceiver } from '../../src/engine/webhooks/store.ts';
import { verifyStripeEvent } from '../../src/upstreams/stripe/webhook.ts';
import { makeEvent, signedRequest, webhookSecret } from '../helpers/stripe-events.ts';
import type { ChaosEnvironment } from './environment.ts';
import { openProbe } from './probe.ts';
import { openTestEnvironment } from './test-environment.ts';

let environment: ChaosEnvironment;
beforeAll(async () => {
  environment = await openTestEnvironment('webhook-crash', { ownPostgres: true });
});
afterAll(() => environment.close());

test('an acknowledged event survives a crash of PostgreSQL with any commit setting', {
  timeout: 60_000,
}, async () => {
  const url = await environment.createDatabase();
  const probe = openProbe(url);
  // Asynchronous commits are flushed by this process alone; it is stopped.
  await probe.query(`ALTER SYSTEM SET synchronous_commit = 'off'`);
  await probe.query(`ALTER SYSTEM SET wal_writer_delay = '10s'`);
  await probe.query('CREATE TABLE public.careless (n int)');
  await environment.postgres?.restartImmediate();
  const database = openDatabase({ url, applicationName: 'test', onError: () => undefined });
  const { payload, headers } = signedRequest(makeEvent('evt_1', 'product.updated', { id: 'cms_1', object: 'product' }));
  const event = { body: Buffer.from(payload), signature: headers['stripe-signature'] };
  await createInboxReceiver(database.$client).store(
    { provider: 'stripe', ...verifyStripeEvent(event, [webhookSecret]) },
    { handled: true, kept: true },
  );
  await database.$client.query('INSERT INTO public.careless VALUES (1)');
  await environment.postgres?.restartImmediate();
  await environment.redis.flush();
  expect(await probe.query('SELECT event_id, state FROM drover.inbox')).toEqual([
    { event_id: 'evt_1', state: 'pending' },
  ]);
  // Without this line the one above would prove nothing of the endpoint.
  expect(await probe.query('SELECT n FROM public.careless')).toEqual([]);
  await database.$client.end();
  await probe.close();
});
