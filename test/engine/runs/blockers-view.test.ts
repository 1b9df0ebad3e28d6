import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createWorkerStore } from '../../../db/stores/fleet.ts';
import { readConfig } from '../../../src/config.ts';
import type { Control } from '../../../src/contract/control.ts';
import { openControl } from '../../../src/engine/open-engine.ts';
import type { UpstreamStatus } from '../../../src/engine/runs/blockers.ts';
import { createRegistry } from '../../../src/plan/registry.ts';
import { createHarness, type Harness, shop } from '../../helpers/shop-harness.ts';

let harness: Harness;
let control: Control;
let runId: string;
let upstreams: () => Promise<readonly UpstreamStatus[]> = async () => [];
let asked = 0;

beforeAll(async () => {
  harness = await createHarness();
  const { database, target } = harness;
  const plans = createRegistry([{ ...shop, upstreams: ['bubble'] }]);
  const look = () => {
    asked += 1;
    return upstreams();
  };
  control = openControl({ database, target, plans, config: readConfig({}), upstreams: look });
  runId = (await harness.load({ customers: { a: { row: { email: 'a', name: 'a' } } } })).id;
  await sql(`UPDATE drover.run_entities SET status = 'reading'`);
  await sql(`UPDATE drover.runs SET status = 'running', finished_at = NULL`);
});
afterAll(() => harness.close());

const sql = (text: string) => harness.database.$client.query(text);
// The fleet is read once a second, and on a busy machine the result is used only when the read is done.
const poll = (look: () => Promise<unknown>) => expect.poll(look, { timeout: 15_000, interval: 100 });
const holdups = async () => {
  const run = await control.run(runId);
  return { codes: run.holdups.map(({ code }) => code), reason: run.reason };
};

test('a run shows its blockers, and none after they are cleared', async () => {
  await poll(holdups).toEqual({ codes: ['NO_WORKER'], reason: 'no worker serves queue extract' });
  const worker = { host: 'h', pid: 1, concurrency: 1, rssMb: 1, loopLagMs: 1, done: 0 };
  await createWorkerStore(harness.database).beat({ id: 'w', queues: ['extract'], ...worker });
  await poll(holdups).toEqual({ codes: [], reason: null });
  await sql(`INSERT INTO drover.queue_pauses (queue, reason, paused_by) VALUES ('extract', 'lunch', 'ana')`);
  await poll(holdups).toEqual({ codes: ['QUEUE_PAUSED'], reason: 'queue extract is paused by ana: lunch' });
  await sql('DELETE FROM drover.queue_pauses');
  const until = new Date(Date.now() + 60_000).toISOString();
  const stand = {
    name: 'bubble',
    endpoint: null,
    breaker: 'closed',
    breakerOpenUntil: null,
    failuresInARow: 0,
  } as const;
  upstreams = async () => [{ ...stand, blockedUntil: until }];
  await poll(async () => (await holdups()).reason).toMatch(/^waiting for bubble: 429, next token in \d+ s$/);
});

test('a hundred views of a run read the fleet once, and a Redis that hangs delays none for long', async () => {
  await sleep(1_100);
  asked = 0;
  const began = performance.now();
  await Promise.all(Array.from({ length: 100 }, () => control.run(runId)));
  expect(asked).toBeGreaterThanOrEqual(1);
  expect(asked).toBeLessThanOrEqual(1 + Math.floor((performance.now() - began) / 1_000));
  upstreams = () => new Promise(() => undefined);
  await sleep(1_100);
  const begun = performance.now();
  expect((await control.run(runId)).holdups.length).toBeLessThan(2);
  // It would be for ever.
  expect(performance.now() - begun).toBeLessThan(5_000);
});
