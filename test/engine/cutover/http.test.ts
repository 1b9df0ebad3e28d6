import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Conflict, CutoverForecast, CutoverView } from '../../../src/contract/cutover.ts';
import type { Page, Role } from '../../../src/contract/runs.ts';
import type { Run } from '../../../src/engine/ledger/types.ts';
import { entityOrder } from '../../../src/plan/define-plan.ts';
import { shop as shopPlan } from '../../helpers/shop-harness.ts';
import { type CutoverShop, startCutoverShop } from './shop.ts';

let shop: CutoverShop;
let staged: Run;
beforeAll(async () => {
  shop = await startCutoverShop();
  await shop.load('shop', ['a', 'b']);
  staged = await shop.load('shop_staging', ['a', 'b', 'c']);
});
afterAll(() => shop.stop());

const base = { plan: 'shop', reason: 'launch' };

const call = (role: Role, method: 'GET' | 'POST', path: string, payload?: object, headers: object = {}) =>
  shop.service.app.inject({
    method,
    url: `/api/v1/cutovers${path}`,
    headers: { ...shop.service.as(role), ...headers },
    ...(payload ? { payload } : {}),
  });
const post = (path: string, payload: object) => call('operator', 'POST', path, payload);
const reasonsOf = (answer: Awaited<ReturnType<typeof call>>): string =>
  (answer.json().errors ?? []).map((one: { message: string }) => one.message).join('\n');

describe('a dry run', () => {
  it('says what becomes of every object, gives the SQL, and changes nothing', async () => {
    const before = await shop.everything();
    const answer = await post('', { ...base, dryRun: true });
    expect(answer.statusCode).toBe(200);
    const { plan } = answer.json<CutoverForecast>();
    expect(plan.items).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ kind: 'foreign key', object: 'app.orders orders_customer' }),
        expect.objectContaining({ kind: 'view', object: 'app.spenders' }),
        expect.objectContaining({ kind: 'comment', object: 'shop.customers' }),
      ]),
    );
    expect(plan.sql).toContain('ALTER TABLE "shop_staging"."customers" SET SCHEMA "shop"');
    expect(plan.problems).toEqual([`run ${staged.id} was not validated: drover validate ${staged.id}`]);
    expect(await shop.everything()).toBe(before);
  });

  it('says what is wrong with the question', async () => {
    expect((await post('', { ...base, tables: [{ table: 'nope' }] })).json()).toMatchObject({ code: 'BAD_REQUEST' });
    expect((await post('', { ...base, stagingSchema: 'shop' })).json().detail).toContain('its own place');
    expect((await post('', { ...base, liveSchema: 'drover' })).json().detail).toContain(
      'no place for tables of a plan',
    );
    expect((await post('', { ...base, plan: 'nope' })).statusCode).toBe(422);
    expect((await post('', { plan: 'shop' })).statusCode).toBe(400);
    expect((await call('operator', 'GET', '/2020_01_01')).statusCode).toBe(404);
  });
});

describe('who may', () => {
  it('viewers look, operators steer, admins delete', async () => {
    for (const path of ['', '/1/go', '/1/abandon', '/1/rollback', '/1/drop-backup'])
      expect((await call('viewer', 'POST', path, base)).statusCode).toBe(403);
    expect((await call('operator', 'POST', '/1/drop-backup', { reason: 'x' })).statusCode).toBe(403);
    expect((await call('viewer', 'GET', '')).statusCode).toBe(200);
  });
});

describe('validation is the gate', () => {
  it('refuses what was not validated, and keeps who asked and why it was refused', async () => {
    const answer = await post('', base);
    expect(answer.statusCode).toBe(409);
    expect(answer.json().code).toBe('CUTOVER_REFUSED');
    expect(reasonsOf(answer)).toContain('was not validated');
    const [kept] = (await call('viewer', 'GET', '')).json<{ items: CutoverView[] }>().items;
    expect(kept).toMatchObject({ status: 'refused', problems: [expect.stringContaining('not validated')] });
    expect(await shop.column(`SELECT action || ' ' || subject FROM drover.audit WHERE reason = 'launch'`)).toEqual([
      `cutover.start cutover:${kept?.stamp}`,
    ]);
  });

  it('refuses a stale one', async () => {
    expect((await shop.validate(staged)).status).toBe('green');
    await shop.harness.sql(`UPDATE shop_staging.customers SET name = 'changed' WHERE name = 'c'`);
    const answer = await post('', base);
    expect(answer.statusCode).toBe(409);
    expect(reasonsOf(answer)).toContain('is stale: shop_staging changed after');
  });

  it('refuses a red one, with the rules that are broken, and every other reason too', async () => {
    await shop.harness.sql(`UPDATE shop_staging.payments SET amount = 0 WHERE amount = 10`);
    expect((await shop.validate(staged)).status).toBe('red');
    const answer = await post('', { ...base, minimums: { customers: 100 } });
    expect(answer.statusCode).toBe(409);
    expect(reasonsOf(answer)).toMatch(/is red: .*amount-positive \(payments\) 3 of 3/);
    expect(reasonsOf(answer)).toContain('fewer than its minimum of 100');
    await shop.harness.sql(`UPDATE shop_staging.payments SET amount = 10`);
    await shop.harness.sql(`UPDATE shop_staging.customers SET name = 'c' WHERE name = 'changed'`);
    expect((await shop.validate(staged)).status).toBe('green');
  });

  it('refuses while a newer run is at it, and when no run has loaded a table', async () => {
    const [entity] = await shop.column(`SELECT id FROM drover.runs WHERE id = '${staged.id}'`);
    await shop.harness.sql(`UPDATE drover.runs SET status = 'running' WHERE id = $1`, [entity]);
    expect(reasonsOf(await post('', base))).toContain(`run ${staged.id}, the newest into shop_staging, is running`);
    await shop.harness.sql(`UPDATE drover.runs SET status = 'completed' WHERE id = $1`, [entity]);
    await shop.harness.sql('UPDATE drover.runs SET rolled_back_at = now() WHERE id = $1', [entity]);
    expect(reasonsOf(await post('', base))).toContain('was rolled back');
    await shop.harness.sql('UPDATE drover.runs SET rolled_back_at = NULL WHERE id = $1', [entity]);
    const refused = reasonsOf(await post('', { ...base, stagingSchema: 'elsewhere' }));
    expect(refused).toContain('there is no table elsewhere.customers');
    await shop.harness.rows.prepare(shopPlan, entityOrder(shopPlan), 'elsewhere');
    await shop.harness.sql(`INSERT INTO elsewhere.customers SELECT * FROM shop_staging.customers;
      INSERT INTO elsewhere.payments SELECT * FROM shop_staging.payments`);
    expect(reasonsOf(await post('', { ...base, stagingSchema: 'elsewhere' })).split('\n')).toEqual([
      'no run has loaded customers into elsewhere',
      'no run has loaded payments into elsewhere',
    ]);
  });
});

describe('a cutover', () => {
  let launched: CutoverView;

  it('waits for its go, and nobody else may begin meanwhile', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const answer = await call('operator', 'POST', '', { ...base, hold: true }, key);
    expect(answer.statusCode).toBe(202);
    const { stamp } = answer.json<CutoverView>();
    expect(answer.headers.location).toBe(`/api/v1/cutovers/${stamp}`);
    expect(await shop.settled(stamp)).toMatchObject({ status: 'held', nextActions: ['go', 'abandon'] });
    // Sent again with the same key: the same answer, and no second cutover.
    expect((await call('operator', 'POST', '', { ...base, hold: true }, key)).json()).toMatchObject({ stamp });
    expect(reasonsOf(await post('', base)) || (await post('', base)).json().detail).toContain('is held');
    expect((await post(`/${stamp}/abandon`, { reason: 'not today' })).json()).toMatchObject({ status: 'abandoned' });
    expect((await post(`/${stamp}/go`, { reason: 'x' })).statusCode).toBe(409);
  });

  it('asks the validation again at its go, and stays held when that is refused', async () => {
    const { stamp } = (await post('', { ...base, hold: true })).json<CutoverView>();
    await shop.settled(stamp);
    await shop.harness.sql(`UPDATE shop_staging.customers SET name = 'late' WHERE name = 'c'`);
    const refused = await post(`/${stamp}/go`, { reason: 'now' });
    expect(refused.statusCode).toBe(409);
    expect(reasonsOf(refused)).toContain('stale');
    expect(await shop.settled(stamp)).toMatchObject({ status: 'held', problems: [expect.stringContaining('stale')] });
    await shop.harness.sql(`UPDATE shop_staging.customers SET name = 'c' WHERE name = 'late'`);
    await shop.validate(staged);
    expect((await post(`/${stamp}/go`, { reason: 'now' })).statusCode).toBe(202);
    launched = await shop.settled(stamp);
    expect(launched).toMatchObject({ status: 'done', unplanned: [], restorable: true });
    expect(launched.counts).toContainEqual({ table: 'shop.customers', incoming: 3, live: 2 });
    expect(await shop.column('SELECT count(*)::int FROM app.spenders')).toEqual([3]);
    expect(await shop.column(`SELECT obj_description('shop.customers'::regclass)`)).toEqual(['who buys']);
  });

  it('comes back with a thousand writes, goes again, and comes back again', async () => {
    await shop.harness.sql(`INSERT INTO shop.customers (id, email, name)
      SELECT gen_random_uuid(), 'new' || g || '@example.com', 'new' FROM generate_series(1, 1000) g`);
    await shop.harness.sql(`UPDATE shop.customers SET name = 'renamed' WHERE name = 'a'`);
    const before = await shop.everything();
    const forecast = (await post(`/${launched.stamp}/rollback`, { reason: 'x', dryRun: true })).json<CutoverForecast>();
    expect(forecast).toMatchObject({ kind: 'rollback', carried: 1001, plan: { problems: [] } });
    expect(await shop.everything()).toBe(before);
    const back = (await post(`/${launched.stamp}/rollback`, { reason: 'the shop is slow' })).json<CutoverView>();
    expect(await shop.settled(back.stamp)).toMatchObject({
      ...{ status: 'done', kind: 'rollback', ofStamp: launched.stamp, unplanned: [], carried: 1001, conflicts: [] },
    });
    expect(await shop.settled(launched.stamp)).toMatchObject({ status: 'restored', nextActions: [] });
    const names = `SELECT name || ' ' || count(*) FROM shop.customers GROUP BY name ORDER BY name`;
    expect(await shop.column(names)).toEqual(['b 1', 'new 1000', 'renamed 1']);
    expect(reasonsOf(await post('', base))).toContain('stale');
    // A row that the shop changed is not as its source says any more; one that nobody wrote must be.
    expect((await shop.validate(staged)).status).toBe('red');
    await shop.harness.sql(`UPDATE shop_staging.customers SET name = 'spoilt' WHERE name = 'b'`);
    await shop.validate(staged);
    expect(reasonsOf(await post('', base))).toMatch(/is red: .*sample \(customers\) 2 of 3/);
    await shop.harness.sql(`UPDATE shop_staging.customers SET name = 'b' WHERE name = 'spoilt'`);
    await shop.validate(staged);
    const allowed = (await post('', { ...base, dryRun: true })).json<CutoverForecast>().plan;
    expect(allowed).toMatchObject({
      problems: [],
      warnings: [expect.stringContaining('written while they were live')],
    });
    const again = (await post('', base)).json<CutoverView>();
    expect(await shop.settled(again.stamp)).toMatchObject({ status: 'done', unplanned: [] });
    const last = (await post(`/${again.stamp}/rollback`, { reason: 'once more' })).json<CutoverView>();
    expect(await shop.settled(last.stamp)).toMatchObject({ status: 'done', unplanned: [], conflicts: [] });
    expect(await shop.column(names)).toEqual(['b 1', 'new 1000', 'renamed 1']);
  });

  it('has a backup that only an admin drops', async () => {
    await shop.validate(staged);
    // Two at the same moment: one of them.
    const both = await Promise.all([post('', base), post('', base)]);
    expect(both.map(({ statusCode }) => statusCode).sort()).toEqual([202, 409]);
    const begun = both.find(({ statusCode }) => statusCode === 202)?.json<CutoverView>();
    const { stamp } = await shop.settled(begun?.stamp ?? '');
    expect((await call('admin', 'GET', `/${stamp}`)).json<CutoverView>().bytes).toBeGreaterThan(0);
    await shop.harness.sql(`CREATE VIEW app.before AS SELECT * FROM shop_backup_${stamp}.customers`);
    const used = await call('admin', 'POST', `/${stamp}/drop-backup`, { reason: 'x' });
    expect(used.json()).toMatchObject({ status: 409, detail: expect.stringContaining('view app.before depends on') });
    await shop.harness.sql('DROP VIEW app.before');
    const dropped = await call('admin', 'POST', `/${stamp}/drop-backup`, { reason: 'a month has gone by' });
    expect(dropped.json()).toMatchObject({ status: 'dropped', bytes: 0, nextActions: [] });
    expect((await post(`/${stamp}/rollback`, { reason: 'x' })).statusCode).toBe(409);
    expect(await shop.column(`SELECT count(*)::int FROM pg_namespace WHERE nspname LIKE '%backup%'`)).toEqual([0]);
  });

  it('lists how many conflicts there are, and gives them by themselves', async () => {
    const { items } = (await call('operator', 'GET', '')).json<{ items: CutoverView[] }>();
    const stamp = items.find(({ kind }) => kind === 'rollback')?.stamp ?? '';
    await shop.harness.sql(
      `UPDATE drover.cutovers SET result = result || jsonb_build_object('conflicts', (SELECT jsonb_agg(jsonb_build_object(
         'table', 'shop.customers', 'key', n || '@example.com', 'detail', 'written since') ORDER BY n) FROM generate_series(1, 250) n))
       WHERE stamp = $1`,
      [stamp],
    );
    const list = (await call('operator', 'GET', '')).json<{ items: CutoverView[] }>().items;
    expect(list.find((one) => one.stamp === stamp)).toMatchObject({ conflictCount: 250 });
    expect(list.every((one) => !('conflicts' in one))).toBe(true);
    const one = (await call('operator', 'GET', `/${stamp}`)).json<CutoverView>();
    expect([one.conflictCount, one.conflicts.length, one.conflicts[0]?.key]).toEqual([250, 100, '1@example.com']);
    const keys: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const path: string = `/${stamp}/conflicts?limit=120${cursor && `&cursor=${cursor}`}`;
      const page = (await call('operator', 'GET', path)).json<Page<Conflict>>();
      keys.push(...page.items.map(({ key }) => key));
      cursor = page.nextCursor;
    }
    expect(keys).toEqual(Array.from({ length: 250 }, (_, n) => `${n + 1}@example.com`));
    // Keys may be addresses.
    const seen = (await call('viewer', 'GET', `/${stamp}/conflicts?limit=1`)).json();
    expect(seen.items).toEqual([{ table: 'shop.customers', key: '***@***', detail: 'written since' }]);
    expect((await call('viewer', 'GET', '/2020_01_01/conflicts')).statusCode).toBe(404);
  });

  it('left a row in the audit log for every word of an operator, and its chain is whole', async () => {
    const actions = await shop.column(`SELECT action || ': ' || count(*) FROM drover.audit
      WHERE action LIKE 'cutover.%' GROUP BY action ORDER BY action`);
    expect(actions).toEqual([
      ...['cutover.abandon: 1', 'cutover.drop-backup: 1', 'cutover.go: 2', 'cutover.rollback: 2'],
      expect.stringMatching(/^cutover.start: \d+$/),
    ]);
    const started = await shop.column(`SELECT count(*)::int FROM drover.cutovers WHERE kind = 'cutover'`);
    expect(await shop.column(`SELECT count(*)::int FROM drover.audit WHERE action = 'cutover.start'`)).toEqual(started);
    expect((await shop.service.deps.audit.verify()).ok).toBe(true);
  });
});
