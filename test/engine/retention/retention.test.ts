import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { purge } from '../../../src/engine/retention/purge.ts';
import { createRetentionStore } from '../../../src/engine/retention/store.ts';
import { createRunContexts } from '../../../src/engine/runs/context.ts';
import { createRunStore } from '../../../src/engine/runs/store.ts';
import { createLoadStage } from '../../../src/engine/stages/load.ts';
import { noApis } from '../../helpers/no-apis.ts';
import { shop as shopPlan } from '../../helpers/shop-harness.ts';
import { type ShopService, startShopService } from '../../helpers/shop-service.ts';

const jane = 'jane@example.com';
const reason = 'because of a test';

let shop: ShopService;
let runId: string;
const sql = async (text: string, values: unknown[] = []) =>
  (await shop.harness.database.$client.query(text, values)).rows;

beforeAll(async () => {
  shop = await startShopService();
});
afterAll(() => shop.stop());

const paid = { amount: '5', currency: 'EUR', status: 'paid' };

beforeEach(async () => {
  await shop.harness.sql('TRUNCATE shop.customers, shop.payments, drover.identities, drover.changes');
  for (const table of ['runs', 'run_entities', 'records', 'payloads', 'cleans', 'tries'])
    await sql(`DELETE FROM drover.${table}`);
  const run = await shop.harness.load({
    customers: {
      c1: { email: jane, row: { email: jane, name: 'Jane', secret: 'hush' } },
      c2: { email: `mary-${jane}`, row: { email: `mary-${jane}`, name: 'Mary' } },
      c3: { email: `${jane}.ph`, row: { email: `${jane}.ph`, name: 'Janet' } },
      bad: { reject: 'no role' },
    },
    payments: {
      p1: { customer: 'c1', row: paid },
      p2: { customer: 'c2', row: paid },
      p3: { customer: 'bad', row: paid },
    },
  });
  runId = run.id;
  await finish(runId, '40 days');
});

const finish = (id: string, ago: string) =>
  sql(`UPDATE drover.runs SET status = 'completed_with_failures', finished_at = now() - $2::interval WHERE id = $1`, [
    id,
    ago,
  ]);
const left = async () => {
  const [row] = await sql(
    'SELECT (SELECT count(*) FROM drover.payloads)::int AS raw, (SELECT count(*) FROM drover.cleans)::int AS clean',
  );
  return [row.raw, row.clean];
};

test('a purge by age reports in a dry run what it would do, then does it, and keeps hashes, outcomes and counts', async () => {
  const before = await sql('SELECT id, status, code, hash, target_id FROM drover.records ORDER BY id');
  const counts = await sql(
    'SELECT entity, stage, status, sum(n) FROM drover.counts WHERE run_id = $1 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3',
    [runId],
  );
  const ask = (body: object) => shop.call('admin', 'POST', '/purge', { reason, ...body });
  expect((await ask({ olderThan: '41d' })).json()).toEqual({ dryRun: false, complete: true, runs: [] });
  expect((await ask({ olderThan: '30d', dryRun: true })).json()).toMatchObject({
    dryRun: true,
    runs: [{ runId, raw: 7, clean: 6 }],
  });
  expect(await left()).toEqual([7, 6]);
  expect((await ask({ olderThan: '30d' })).json()).toMatchObject({
    complete: true,
    runs: [{ runId, raw: 7, clean: 6 }],
  });
  expect(await left()).toEqual([0, 0]);
  expect(await sql('SELECT id, status, code, hash, target_id FROM drover.records ORDER BY id')).toEqual(before);
  expect(
    await sql(
      'SELECT entity, stage, status, sum(n) FROM drover.counts WHERE run_id = $1 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3',
      [runId],
    ),
  ).toEqual(counts);
  expect(await sql('SELECT 1 FROM drover.records WHERE merge_key IS NOT NULL')).toEqual([]);
  expect((await ask({ olderThan: '30d' })).json().runs).toEqual([]);
  expect((await auditRows())[0]).toMatchObject({ action: 'payloads.purge', reason });
});

const auditRows = () => sql('SELECT * FROM drover.audit ORDER BY id DESC');
const ignore = async (): Promise<void> => undefined;

test('a purge that exceeds its time budget returns incomplete, and the next one continues it', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => void vi.useRealTimers());
  const store = createRetentionStore(shop.harness.database.$client);
  const cut = await purge(
    { store, batch: 2, dropTrial: async () => {}, budgetMs: -1 },
    { runId, dryRun: false, reason },
    ignore,
  );
  expect(cut).toMatchObject({ complete: false, runs: [] });
  let batches = 0;
  const slowStore = {
    ...store,
    purgeBatch: async (...args: Parameters<typeof store.purgeBatch>) => {
      const done = await store.purgeBatch(...args);
      batches += 1;
      vi.setSystemTime(Date.now() + 1_050);
      return done;
    },
  };
  expect(
    (
      await purge(
        { store: slowStore, batch: 2, dropTrial: async () => {}, budgetMs: 1_000 },
        { runId, dryRun: false, reason },
        ignore,
      )
    ).complete,
  ).toBe(false);
  expect(batches).toBe(1);
  expect((await left())[0]).toBe(5);
  expect(
    await purge(
      { store, batch: 2, dropTrial: async () => {}, budgetMs: 5_000 },
      { runId, dryRun: false, reason },
      ignore,
    ),
  ).toMatchObject({
    complete: true,
    runs: [{ raw: 5 }],
  });
  expect(await left()).toEqual([0, 0]);
});

test('a run that is not finished keeps its payloads', async () => {
  await sql(`UPDATE drover.runs SET status = 'running' WHERE id = $1`, [runId]);
  const refused = await shop.call('admin', 'POST', '/purge', { runId, reason });
  expect([refused.statusCode, refused.json().code]).toEqual([409, 'NOT_ALLOWED_NOW']);
  expect((await shop.call('admin', 'POST', '/purge', { olderThan: '1h', reason })).json().runs).toEqual([]);
  expect((await shop.call('operator', 'POST', '/purge', { runId, reason })).statusCode).toBe(403);
  expect((await shop.call('admin', 'POST', '/purge', { reason })).statusCode).toBe(400);
});

test('actions that need payloads answer PAYLOADS_PURGED afterwards and are not among the next actions', async () => {
  const [group] = (await shop.call('operator', 'GET', `/runs/${runId}/failures`)).json().items;
  expect((await shop.call('operator', 'GET', `/runs/${runId}`)).json().nextActions).toContain('retry');
  await shop.call('admin', 'POST', '/purge', { runId, reason });
  for (const answer of [
    await shop.call('operator', 'POST', `/runs/${runId}/retry`),
    await shop.call('operator', 'POST', `/runs/${runId}/failures/${group.group}/replay`),
    await shop.call('operator', 'GET', `/runs/${runId}/reports/customers.csv`),
  ]) {
    expect([answer.statusCode, answer.json().code]).toEqual([409, 'PAYLOADS_PURGED']);
    expect(answer.json().remedy).toContain('drover enqueue');
  }
  const { nextActions } = (await shop.call('operator', 'GET', `/runs/${runId}`)).json();
  expect(nextActions).not.toContain('retry');
  expect(nextActions).not.toContain('replay');
  const { checks } = (await shop.call('operator', 'POST', `/runs/${runId}/validate`)).json();
  const sample = checks.find(
    (check: { name: string; entity: string }) => check.name === 'sample' && check.entity === 'customers',
  );
  expect(sample).toMatchObject({
    ok: false,
    severity: 'warning',
    checked: 0,
    description: expect.stringContaining('PAYLOADS_PURGED: 3'),
  });
  expect((await shop.call('operator', 'GET', '/records?sourceId=c1')).json().items[0]).toMatchObject({
    payload: 'purged',
    target: { loaded: null, row: { name: 'Jane' } },
  });
});

test('the load of a record without its payload fails with PAYLOADS_PURGED', async () => {
  await sql('DELETE FROM drover.cleans');
  const [record] = await sql(
    `UPDATE drover.records SET status = 'pending', stage = 'load' WHERE source_id = 'p3' RETURNING id::text AS id, epoch`,
  );
  await sql(`UPDATE drover.runs SET status = 'running' WHERE id = $1`, [runId]);
  const load = createLoadStage({
    ledger: shop.harness.ledger,
    target: shop.harness.rows,
    worker: 'test',
    maxAttempts: 3,
    contexts: createRunContexts({
      store: createRunStore(shop.harness.database),
      plan: () => shopPlan,
      maxAgeMs: 0,
    }),
    dispatcher: {
      dispatch: async () => {},
      dispatchExtractions: async () => {},
      freeSlots: () => 0,
      fillRatio: () => 0,
    },
    stopRun: async () => {},
    ...noApis(shop.harness.database),
  });
  await load([record]).catch(() => undefined);
  expect(await sql(`SELECT status, code FROM drover.records WHERE source_id = 'p3'`)).toEqual([
    { status: 'failed', code: 'PAYLOADS_PURGED' },
  ]);
});

test('all data of a person is found, and no data of other people', async () => {
  await shop.harness.sql(`UPDATE shop.customers SET name = 'Jane D.' WHERE email = $1`, [jane]);
  const answer = await shop.call('admin', 'GET', `/persons/${encodeURIComponent(jane.toUpperCase())}`);
  expect(answer.statusCode).toBe(200);
  const held = answer.json();
  expect(held.records.map((one: { sourceId: string }) => one.sourceId).sort()).toEqual(['c1', 'p1']);
  expect(held.rows.map((one: { table: string }) => one.table)).toEqual(['shop.customers', 'shop.payments']);
  expect(held.rows[0].row.name).toBe('Jane D.');
  expect(held.records[0].raw.email).toBe(jane);
  const [entry] = await auditRows();
  expect(entry).toMatchObject({ action: 'person.export', details: { records: 2, rows: 2 } });
  expect(JSON.stringify(entry)).not.toContain('jane');
  expect((await shop.call('operator', 'GET', `/persons/${jane}`)).statusCode).toBe(403);
  expect((await shop.call('admin', 'GET', '/persons/not-an-address')).statusCode).toBe(422);
});

test('after a purge the rows in the target and their before-images are still found', async () => {
  await shop.call('admin', 'POST', '/purge', { runId, reason });
  await shop.harness.sql(
    `UPDATE drover.changes SET before = jsonb_build_object('email', $1::text) WHERE source_id = 'c1'`,
    [jane],
  );
  const held = (await shop.call('admin', 'GET', `/persons/${jane}`)).json();
  expect(held.rows).toHaveLength(2);
  expect(held.befores).toMatchObject([{ runId, table: 'customers', before: { email: jane } }]);
});
