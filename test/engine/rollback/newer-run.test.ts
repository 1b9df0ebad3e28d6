import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ShopService, startShopService } from '../../helpers/shop-service.ts';

const reason = 'because of a test';
const customer = (email: string) => ({ email, row: { email, name: email } });

let shop: ShopService;
beforeAll(async () => {
  shop = await startShopService();
});
afterAll(() => shop.stop());
beforeEach(async () => {
  await shop.harness.sql('TRUNCATE shop.customers, shop.payments, drover.identities, drover.changes');
  await shop.harness.database.$client.query(`UPDATE drover.runs SET status = 'cancelled'`);
});

const rollback = (id: string, dryRun = false) =>
  shop.call('operator', 'POST', `/runs/${id}/rollback`, { reason, dryRun });
const setRun = (id: string, what: string) =>
  shop.harness.database.$client.query(`UPDATE drover.runs SET ${what} WHERE id = $1`, [id]);

test.each([
  ['paused', '', true],
  ['running', '', true],
  ['pending', '', true],
  ['paused', ", plan = 'another'", true],
  ['paused', ", target_schema = 'elsewhere'", false],
  ['paused', ', dry_run = true', false],
  ['completed', '', false],
])('a rollback while a newer run into the schema is %s%s is refused: %s', async (status, other, refused) => {
  const first = await shop.harness.load({ customers: { a: customer('a@x') } });
  const second = await shop.harness.load({ customers: { b: customer('b@x') } });
  await setRun(second.id, `status = '${status}'${other}`);
  for (const dryRun of [true, false]) {
    const answer = await rollback(first.id, dryRun);
    expect(answer.statusCode).toBe(refused ? 409 : 200);
    if (!refused) continue;
    expect(answer.json()).toMatchObject({ code: 'NOT_ALLOWED_NOW', detail: expect.stringContaining(second.id) });
    expect(answer.json().remedy).toContain(`drover cancel ${second.id}`);
  }
  expect(await shop.harness.sql(`SELECT 1 FROM shop.customers WHERE email = 'a@x'`)).toHaveLength(refused ? 1 : 0);
});

test('an older run of another plan in the same schema does not hinder the rollback', async () => {
  const older = await shop.harness.load({ customers: { c: customer('c@x') } });
  const newer = await shop.harness.load({ customers: { d: customer('d@x') } });
  await setRun(older.id, `status = 'paused', plan = 'another'`);
  expect((await rollback(newer.id)).statusCode).toBe(200);
});
