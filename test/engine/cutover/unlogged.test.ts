import { afterAll, beforeAll, expect, it } from 'vitest';
import type { CutoverView } from '../../../src/contract/cutover.ts';
import type { Run } from '../../../src/engine/ledger/types.ts';
import { type CutoverShop, startCutoverShop } from './shop.ts';

let shop: CutoverShop;
let staged: Run;
beforeAll(async () => {
  shop = await startCutoverShop();
  await shop.load('shop', ['a', 'b']);
  staged = await shop.load('shop_staging', ['a', 'b', 'c']);
});
afterAll(() => shop.stop());

const post = (path: string, payload: object) =>
  shop.service.app.inject({
    method: 'POST',
    url: `/api/v1/cutovers${path}`,
    headers: shop.service.as('operator'),
    payload,
  });

it('asks the gate again under the lock where staging was unlogged, and goes when what was written anew is validated', async () => {
  await shop.harness.sql(
    'ALTER TABLE shop_staging.payments SET UNLOGGED; ALTER TABLE shop_staging.customers SET UNLOGGED',
  );
  expect((await shop.validate(staged)).status).toBe('green');
  const { stamp } = (await post('', { plan: 'shop', reason: 'launch', hold: true })).json<CutoverView>();
  expect(await shop.settled(stamp)).toMatchObject({ status: 'held' });
  await shop.harness.sql(`UPDATE shop_staging.customers SET name = 'never validated' WHERE name = 'c'`);
  const refused = await post(`/${stamp}/go`, { reason: 'now' });
  expect(refused.json()).toMatchObject({ code: 'CUTOVER_REFUSED', detail: expect.stringContaining('is stale') });
  expect(await shop.settled(stamp)).toMatchObject({ status: 'held' });
  expect(await shop.column('SELECT count(*)::int FROM shop.customers')).toEqual([2]);
  await shop.harness.sql(`UPDATE shop_staging.customers SET name = 'c' WHERE name = 'never validated'`);
  expect((await shop.validate(staged)).status).toBe('green');
  expect((await post(`/${stamp}/go`, { reason: 'now' })).statusCode).toBe(202);
  expect(await shop.settled(stamp)).toMatchObject({ status: 'done', unplanned: [] });
  expect(await shop.column('SELECT count(*)::int FROM shop.customers')).toEqual([3]);
});

it('refuses a cutover at once whose unlogged tables were written between its checks and its locks', async () => {
  const { stamp } = (
    await shop.service.app.inject({ method: 'GET', url: '/api/v1/cutovers', headers: shop.service.as('operator') })
  ).json<{
    items: CutoverView[];
  }>().items[0] as CutoverView;
  expect((await post(`/${stamp}/rollback`, { reason: 'back' })).statusCode).toBe(202);
  const back = await shop.column('SELECT max(stamp) FROM drover.cutovers');
  expect(await shop.settled(String(back[0]))).toMatchObject({ status: 'done' });
  await shop.harness.sql(
    'ALTER TABLE shop_staging.payments SET UNLOGGED; ALTER TABLE shop_staging.customers SET UNLOGGED',
  );
  expect((await shop.validate(staged)).status).toBe('green');
  const begun = await post('', { plan: 'shop', reason: 'again' });
  expect(begun.statusCode).toBe(202);
  const ended = await shop.settled(begun.json<CutoverView>().stamp);
  expect(ended).toMatchObject({ status: 'refused', problems: [expect.stringContaining('is stale')] });
});
