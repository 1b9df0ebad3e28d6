import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { RunStatus } from '../../../src/contract/run-status.ts';
import { createRunContexts } from '../../../src/engine/runs/context.ts';
import { createRunStore } from '../../../src/engine/runs/store.ts';
import { createScheduler } from '../../../src/engine/scheduler/scheduler.ts';
import { createTransformStage } from '../../../src/engine/stages/transform.ts';
import type { DroverError } from '../../../src/errors.ts';
import { noApis } from '../../helpers/no-apis.ts';
import { shop as plan } from '../../helpers/shop-harness.ts';
import { type ShopService, startShopService } from '../../helpers/shop-service.ts';

const newer = { ...plan, version: '2' };
const reason = 'because of a test';

let shop: ShopService;
let runId: string;
const sql = async (text: string, values: unknown[] = []) =>
  (await shop.harness.database.$client.query(text, values)).rows;
const put = (status: RunStatus) => sql('UPDATE drover.runs SET status = $2 WHERE id = $1', [runId, status]);
const statusOf = async () => (await sql('SELECT status, reason FROM drover.runs WHERE id = $1', [runId]))[0];

// The service has another version than the harness has begun the run under.
beforeAll(async () => {
  shop = await startShopService(newer);
});
afterAll(() => shop.stop());
beforeEach(async () => {
  const run = await shop.harness.load({ customers: { a: { reject: 'bad' }, b: { row: { email: 'b', name: 'b' } } } });
  runId = run.id;
});

const call = (method: 'GET' | 'POST', path: string, body?: object) =>
  shop.call('operator', method, `/runs/${runId}${path}`, body);

test('actions that process records are refused with a remedy and not offered; the others are accepted', async () => {
  const [group] = (await call('GET', '/failures')).json().items;
  const requests: readonly [RunStatus, string, object?][] = [
    ['paused', '/resume', { reason }],
    ['failed', '/retry'],
    ['completed_with_failures', '/retry'],
    ['completed', `/failures/${group.group}/replay`],
    ['completed', '/records', { entity: 'customers', sourceIds: ['a'] }],
  ];
  for (const [status, path, body] of requests) {
    await put(status);
    const answer = await call('POST', path, body);
    expect([path, answer.statusCode, answer.json().code]).toEqual([path, 409, 'PLAN_VERSION']);
    expect(answer.json().detail).toContain('shop@1, this is shop@2');
    expect(answer.json().remedy).toMatch(/new run.*shop@1/);
    expect((await statusOf()).status).toBe(status);
    const { items } = (await shop.call('operator', 'GET', '/runs')).json();
    const { nextActions } = items.find((run: { id: string }) => run.id === runId);
    for (const action of ['resume', 'retry', 'replay', 'reconcile', 'mend', 'enqueue'])
      expect(nextActions).not.toContain(action);
  }
  await put('paused');
  expect((await call('POST', '/cancel', { reason })).statusCode).toBe(200);
  await put('failed');
  expect((await call('POST', '/rollback', { reason, dryRun: true })).statusCode).toBe(200);
});

test.each(['pending', 'running'] as const)(
  'a scheduler of another version stops a %s run and gives the reason',
  async (status) => {
    await put(status);
    const { database, target, ledger } = shop.harness;
    const scheduler = createScheduler({
      ...{ database, target },
      runs: createRunStore(database),
      ledger,
      dispatcher: {
        dispatch: async () => {},
        dispatchExtractions: async () => {},
        freeSlots: () => 0,
        fillRatio: () => 0,
      },
      redis: { read: async () => 'same', write: async () => {} },
      plan: () => newer,
      restoreOverrides: async () => {},
      prepareTarget: async () => {},
      finishRun: async () => {},
      leadership: { tryAcquire: async () => true, release: async () => {} },
      log: { info: () => {}, warn: () => {}, error: () => {} },
      name: 'test',
      tickMs: 20,
      sweepAgeMs: 60_000,
      graceMs: 1_000,
    });
    scheduler.start();
    for (let n = 0; n < 1_000 && (await statusOf()).status === status; n += 1) await sleep(20);
    await scheduler.stop();
    expect(await statusOf()).toMatchObject({
      status: 'failed',
      reason: expect.stringMatching(/^PLAN_VERSION: .*new run/),
    });
  },
);

test('a worker with another version of the plan stops the run and releases the records unchanged', async () => {
  await put('running');
  const [record] = await sql(
    `UPDATE drover.records SET status = 'pending', stage = 'transform', dispatched_at = now() WHERE run_id = $1 AND source_id = 'b'
     RETURNING id::text AS id, epoch`,
    [runId],
  );
  const stopped: string[] = [];
  const transform = createTransformStage({
    ledger: shop.harness.ledger,
    contexts: createRunContexts({ store: createRunStore(shop.harness.database), plan: () => newer, maxAgeMs: 0 }),
    dispatcher: {
      dispatch: async () => {},
      dispatchExtractions: async () => {},
      freeSlots: () => 0,
      fillRatio: () => 0,
    },
    stopRun: async (_id, error: DroverError) => void stopped.push(error.code),
    worker: 'test',
    maxAttempts: 3,
    enrich: { hashPassword: async (plain) => plain, reserve: () => undefined, release: () => {} },
    ...noApis(shop.harness.database),
  });
  expect(await Promise.all(await transform([record]))).toEqual([{ kind: 'fenced' }]);
  expect(stopped).toEqual(['PLAN_VERSION']);
  expect(await sql('SELECT status, attempts, dispatched_at FROM drover.records WHERE id = $1', [record.id])).toEqual([
    { status: 'pending', attempts: 0, dispatched_at: null },
  ]);
});
