import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ShopService, startShopService } from '../../helpers/shop-service.ts';

const address = 'jane.doe@example.com';

let shop: ShopService;
let runId: string;

beforeAll(async () => {
  shop = await startShopService();
  const customer = { email: address, row: { email: address, name: 'Jane Doe', secret: 'hush' } };
  const run = await shop.harness.load({
    customers: {
      c1: customer,
      c2: { ...customer, email: address },
      [address]: { reject: `"Jane Doe" of ${address} has no role` },
    },
    payments: {
      p1: { customer: 'c2', row: { amount: '5', currency: 'EUR', status: 'paid' } },
      p2: { customer: address, row: { amount: '7', currency: 'EUR', status: 'paid' } },
    },
  });
  runId = run.id;
  await shop.harness.database.$client.query(
    `INSERT INTO drover.reports (run_id, name, media_type, content) VALUES ($1, $2, 'application/json', $3)`,
    [runId, `migration_report_${run.stamp}.json`, JSON.stringify(reportText())],
  );
});
afterAll(() => shop.stop());

const historyOf = async (role: 'viewer' | 'operator', id: string) => {
  const answer = await shop.call(role, 'GET', `/records?sourceId=${encodeURIComponent(id)}`);
  expect(answer.statusCode).toBe(200);
  return answer.json().items;
};

test('a loaded record has every stage and the row, as loaded and as it is now', async () => {
  await shop.harness.sql(`UPDATE shop.customers SET name = 'Janet' WHERE email = $1`, [address]);
  const [found] = await historyOf('operator', 'c1');
  expect(found).toMatchObject({
    run: { plan: 'shop', version: '1', targetSchema: 'shop' },
    status: 'reconciled',
    payload: 'kept',
    target: {
      table: 'shop.customers',
      operation: 'insert',
      loaded: { name: 'Jane Doe' },
      row: { name: 'Janet', email: address, id: found.targetId },
    },
  });
  expect(found.stages.map((one: { stage: string; state: string }) => `${one.stage} ${one.state}`)).toEqual([
    ...['extract done', 'transform done', 'load done', 'reconcile done'],
  ]);
  expect(Date.parse(found.stages[2].at)).toBeLessThanOrEqual(Date.parse(found.stages[3].at));
});

test('a merged record shows its survivor and the survivor’s row; a blocked one its parent and try', async () => {
  const [merged] = await historyOf('operator', 'c2');
  expect(merged).toMatchObject({ code: 'MERGED', survivor: { sourceId: 'c1' }, target: { row: { email: address } } });
  const [blocked] = await historyOf('operator', 'p2');
  expect(blocked).toMatchObject({
    status: 'blocked',
    parent: { entity: 'customers', sourceId: address, status: 'rejected' },
    tries: [{ stage: 'load', status: 'blocked' }],
    stages: [{ state: 'done' }, { state: 'done' }, { state: 'ended' }, { state: 'ahead' }],
    target: null,
  });
});

test('a viewer sees money, ids and flags, and no personal data', async () => {
  const [customer] = await historyOf('viewer', 'c1');
  expect(customer.target.row).toMatchObject({ email: '***', name: '***', secret: '***', tags: null });
  expect(customer.target.row.id).toBe(customer.targetId);
  const [payment] = await historyOf('viewer', 'p1');
  expect(payment.target.row).toMatchObject({ amount: 5, currency: 'EUR', status: 'paid' });
});

test('nothing that a viewer may read contains an address or a name', async () => {
  const stamp = (await shop.harness.database.$client.query('SELECT stamp FROM drover.runs WHERE id = $1', [runId]))
    .rows[0].stamp;
  await shop.harness.database.$client.query(`UPDATE drover.runs SET reason = $2 WHERE id = $1`, [
    runId,
    `as ${address} asked`,
  ]);
  await shop.call('operator', 'POST', `/runs/${runId}/validate`);
  const paths = [
    `/records?sourceId=${encodeURIComponent(address)}`,
    ...['/runs', `/runs/${runId}`, `/runs/${runId}/records`, `/runs/${runId}/failures`, `/runs/${runId}/validation`],
    ...['summary_STAMP.txt', 'report_STAMP.json', 'errors_STAMP.csv', 'STAMP.log'].map(
      (name) => `/runs/${runId}/reports/migration_${name.replace('STAMP', stamp)}`,
    ),
  ];
  for (const path of paths) {
    const [viewer, operator] = [await shop.call('viewer', 'GET', path), await shop.call('operator', 'GET', path)];
    expect([path, viewer.statusCode]).toEqual([path, 200]);
    expect([path, /jane/i.test(viewer.body)]).toEqual([path, false]);
    if (!path.includes('validation')) expect([path, /jane/i.test(operator.body)]).toEqual([path, true]);
  }
});

function reportText() {
  const failure = {
    ...{
      group: 'g',
      entity: 'customers',
      stage: 'transform',
      status: 'rejected',
      code: 'BAD',
      field: 'role',
      count: 1,
    },
    ...{ message: `"Jane Doe" of ${address}`, remedy: 'Mend it.', severity: 'HIGH', examples: [address] },
  };
  const run = {
    id: 'r',
    plan: 'shop',
    version: '1',
    strategy: 'full',
    status: 'completed',
    reason: null,
    startedAt: null,
  };
  return {
    format: 'drover-report/1',
    writtenAt: '',
    run,
    entities: {},
    sums: [],
    failures: [failure],
    validation: null,
    files: [],
  };
}
