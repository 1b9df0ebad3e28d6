import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EffectStore } from '../../src/engine/api-effects/effects.ts';
import { createEffectStore } from '../../src/engine/api-effects/store.ts';
import type { Ledger, RecordRef } from '../../src/engine/ledger/types.ts';
import { enqueueRecords } from '../../src/engine/runs/control-store.ts';
import { createInboxReceiver } from '../../src/engine/webhooks/store.ts';
import type { InboxReceiver } from '../../src/engine/webhooks/types.ts';
import { createUpstreamFactory } from '../../src/upstreams/upstream.ts';
import { createRedisSpace } from '../helpers/redis.ts';
import { createHarness, type Harness } from '../helpers/shop-harness.ts';
import { figuresOf } from '../upstreams/fleet.ts';
import { loseAnswerThenRetry } from './lost-answer.ts';
import { withoutEpochs, withoutInboxKey, withoutIntents, withoutLeases } from './mutants.ts';

// In small what `npm run chaos -- --mutations` does with a fleet: each guard is missed when it is switched off, so that a
// test that passes says something of the guard.
let harness: Harness;
beforeAll(async () => {
  harness = await createHarness();
});
const redis = createRedisSpace();
afterAll(async () => {
  await harness.close();
  await redis.drop();
});

const payment = (amount: string) => ({ row: { amount, currency: 'USD', status: 'paid' } });
const pool = () => harness.database.$client;

/** A record of a running run that waits for its transform. */
async function waiting(amount: string): Promise<RecordRef & { readonly runId: string }> {
  await pool().query(`UPDATE drover.runs SET status = 'cancelled' WHERE status = 'running'`);
  const run = await harness.load({ payments: { p1: payment('1.00') } });
  await pool().query(`UPDATE drover.runs SET status = 'running' WHERE id = $1`, [run.id]);
  return { runId: run.id, ...(await given(run.id, amount)) };
}

async function given(runId: string, amount: string): Promise<RecordRef> {
  await enqueueRecords(pool(), runId, 'payments', [{ sourceId: 'p1', raw: payment(amount) }]);
  const { rows } = await pool().query('SELECT id::text AS id, epoch FROM drover.records WHERE run_id = $1', [runId]);
  return rows[0] as RecordRef;
}

const onward = (amount: string) =>
  ({ kind: 'next', stage: 'load', clean: { row: { amount, currency: 'USD', status: 'paid' } } }) as const;

/** A worker holds a record while an operator enqueues a corrected one: the worker's outcome is not wanted any more. */
async function mendedWhileHeld(ledger: Ledger): Promise<string[]> {
  const ref = await waiting('1.00');
  const [held] = await ledger.open('transform', [ref], { raw: true, clean: false });
  if (!held) throw new Error('the record cannot be opened');
  await given(ref.runId, '2.00');
  await ledger.writeOutcomes([{ ref: held, stage: 'transform', outcome: onward('1.00'), dispatch: false }], 'zombie');
  const { rows } = await pool().query('SELECT stage FROM drover.records WHERE id = $1', [ref.id]);
  return rows[0]?.stage === 'transform' ? [] : ['the record went on as it was before it was corrected'];
}

/** A worker's lease runs out, another takes the work, and the first comes back with its result. */
async function leaseRunsOut(ledger: Ledger): Promise<string[]> {
  const ref = await waiting('1.00');
  const problems: string[] = [];
  await ledger.claim([ref], 'first', 30);
  await sleep(60);
  await ledger.claim([ref], 'second', 60_000);
  if ((await ledger.claim([ref], 'third', 60_000)).length > 0) problems.push('two hold the lease of one record');
  const finish = { ref, stage: 'transform', outcome: onward('1.00'), dispatch: false } as const;
  const stale = await ledger.writeOutcomes([{ ...finish, token: 'first' }], 'zombie');
  if (stale.length > 0) problems.push('a finish counted whose lease another had taken');
  return problems;
}

/** See answerLost: the record is a real one, held under a real lease. */
async function heldWhileLost(effects: EffectStore): Promise<string[]> {
  const { runId, ...ref } = await waiting('1.00');
  await harness.ledger.claim([ref], 'test', 60_000);
  const record = { ...ref, runId, entity: 'payments', sourceId: 'p1' };
  const client = new Redis(redis.url);
  try {
    return await loseAnswerThenRetry(
      effects,
      { record, token: 'test', leaseMs: 60_000 },
      client,
      `${redis.prefix}-${runId}`,
    );
  } finally {
    client.disconnect();
  }
}

/** One event arrives fifty times at once. */
async function eventReplayed(door: InboxReceiver): Promise<string[]> {
  await pool().query('TRUNCATE drover.inbox');
  const about = { type: 'product.updated', objectId: 'cms_1', account: null, livemode: false, happenedAt: new Date() };
  const event = { provider: 'stripe', id: 'evt_1', payload: { id: 'evt_1' }, ...about } as const;
  await Promise.all(Array.from({ length: 50 }, () => door.store(event, { handled: true, kept: true })));
  const { rows } = await pool().query(`SELECT count(*)::int AS n FROM drover.inbox WHERE payload->>'id' = 'evt_1'`);
  return rows[0]?.n === 1 ? [] : [`one event is stored ${rows[0]?.n} times`];
}

/** Two processes ask one upstream as often as they are let. */
async function together(prefixes: readonly [string, string]): Promise<string[]> {
  const arrivals: number[] = [];
  const server = createServer((_request, response) => {
    arrivals.push(performance.now());
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = AbortSignal.timeout(2_500);
  await Promise.all(prefixes.map((prefix) => ask(prefix, baseUrl, stop)));
  await new Promise((resolve) => server.close(resolve));
  const { most } = figuresOf(arrivals, 20);
  return most <= 20 ? [] : [`${most} requests in one second, of 20`];
}

async function ask(prefix: string, baseUrl: string, signal: AbortSignal): Promise<void> {
  const client = new Redis(redis.url);
  const logger = { warn: () => undefined };
  const upstream = createUpstreamFactory({ redis: client, prefix, allowPrivate: true, logger })({
    ...{ name: 'up', baseUrl, maxRps: 20 },
  });
  const often = async (): Promise<void> => {
    while (!signal.aborted) {
      const request = upstream.request({ method: 'GET', path: 'x', endpoint: 'x', signal });
      await request.catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: 5 }, often));
  client.disconnect();
}

const guards = [
  {
    guard: 'epoch',
    on: () => mendedWhileHeld(harness.ledger),
    off: () => mendedWhileHeld(withoutEpochs(harness.ledger, pool())),
  },
  { guard: 'lease', on: () => leaseRunsOut(harness.ledger), off: () => leaseRunsOut(withoutLeases(harness.ledger)) },
  {
    guard: 'intent',
    on: () => heldWhileLost(createEffectStore(pool())),
    off: () => heldWhileLost(withoutIntents(createEffectStore(pool()))),
  },
  {
    guard: 'inbox',
    on: () => eventReplayed(createInboxReceiver(pool())),
    off: () => eventReplayed(withoutInboxKey(createInboxReceiver(pool()))),
  },
  {
    guard: 'limiter',
    on: () => together([redis.prefix, redis.prefix]),
    off: () => together([`${redis.prefix}-1`, `${redis.prefix}-2`]),
  },
];

test.each(guards)('$guard: without it the test fails, with it passes', async ({ guard, on, off }) => {
  const without = await off();
  console.log(`without its ${guard}: ${without.join('; ') || 'NOT NOTICED'}`);
  expect(without).not.toEqual([]);
  expect(await on()).toEqual([]);
});
