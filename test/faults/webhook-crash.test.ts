import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../db/client.ts';
import { createInboxDoor } from '../../db/inbox/door.ts';
import type { Ground } from '../../scripts/chaos/ground.ts';
import { openProbe } from '../../scripts/chaos/probe.ts';
import { verifyStripeEvent } from '../../src/upstreams/stripe/webhook.ts';
import { eventOf, signed, webhookSecret } from '../helpers/stripe-events.ts';
import { testGround } from './drill.ts';

let ground: Ground;
beforeAll(async () => {
  ground = await testGround('webhook-crash', { ownPostgres: true });
});
afterAll(() => ground.close());

test('an event that was acknowledged survives a crash of PostgreSQL, however the server commits', {
  timeout: 60_000,
}, async () => {
  const url = await ground.database();
  const probe = openProbe(url);
  // Commits that nobody waits for are written down by this process alone; it sleeps.
  await probe.ask(`ALTER SYSTEM SET synchronous_commit = 'off'`);
  await probe.ask(`ALTER SYSTEM SET wal_writer_delay = '10s'`);
  await probe.ask('CREATE TABLE public.careless (n int)');
  await ground.postgres?.restartImmediate();
  const database = openDatabase({ url, applicationName: 'test', onError: () => undefined });
  const { payload, headers } = signed(eventOf('evt_1', 'product.updated', { id: 'cms_1', object: 'product' }));
  const event = { body: Buffer.from(payload), signature: headers['stripe-signature'] };
  await createInboxDoor(database.$client).store(
    { provider: 'stripe', ...verifyStripeEvent(event, [webhookSecret]) },
    true,
  );
  await database.$client.query('INSERT INTO public.careless VALUES (1)');
  await ground.postgres?.restartImmediate();
  await ground.redis.flush();
  expect(await probe.ask('SELECT event_id, state FROM drover.inbox')).toEqual([
    { event_id: 'evt_1', state: 'pending' },
  ]);
  // Without this line the one above would say nothing of the door.
  expect(await probe.ask('SELECT n FROM public.careless')).toEqual([]);
  await database.$client.end();
  await probe.close();
});
