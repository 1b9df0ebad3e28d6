import { afterAll, beforeAll, expect, it } from 'vitest';
import { readConfig } from '../../../src/config.ts';
import type { Control } from '../../../src/contract/control.ts';
import type { CutoverControl } from '../../../src/contract/cutover.ts';
import { openControl, openCutovers } from '../../../src/engine/open-engine.ts';
import { entityOrder } from '../../../src/plan/define-plan.ts';
import { createRegistry } from '../../../src/plan/registry.ts';
import { createHarness, type Harness, shop } from '../../helpers/shop-harness.ts';

/** The plan's tables in a database of their own, beside which Drover keeps nothing but what speaks of them. */
const operator = { id: 'night', role: 'operator' } as const;
const person = { row: { email: 'a@example.com', name: 'a' } };

let harness: Harness;
let control: Control;
let cutovers: CutoverControl;
beforeAll(async () => {
  harness = await createHarness();
  const { database, target } = harness;
  const plans = createRegistry([shop]);
  control = openControl({ database, target, plans, config: readConfig({}) });
  cutovers = openCutovers({ ...{ database, target, slowQueries: target, plans }, onFailure: () => undefined });
  await harness.rows.prepare(shop, entityOrder(shop), 'shop_staging');
});
afterAll(() => harness.close());

it('cuts over there, and writes the audit log here', async () => {
  await harness.load({ customers: { a: person } });
  const run = await harness.load({ customers: { a: person }, payments: {} }, { targetSchema: 'shop_staging' });
  await control.validate(run.id, operator);
  const begun = await cutovers.start({ plan: 'shop', hold: false }, 'launch', operator);
  while ((await cutovers.find(begun.stamp)).status === 'preparing') await new Promise((done) => setTimeout(done, 20));
  expect(await cutovers.find(begun.stamp)).toMatchObject({ status: 'done', actor: 'night', unplanned: [] });
  const audit = `SELECT actor, action, subject, reason FROM drover.audit WHERE subject LIKE 'cutover:%' ORDER BY id`;
  expect((await harness.database.$client.query(audit)).rows).toEqual([
    { actor: 'night', action: 'cutover.start', subject: `cutover:${begun.stamp}`, reason: 'launch' },
  ]);
  expect(await harness.sql(audit)).toEqual([]);
});

it('does nothing of which the audit log does not know', async () => {
  await harness.database.$client.query('ALTER TABLE drover.audit RENAME TO audit_away');
  const refused = cutovers.start({ plan: 'shop', hold: false }, 'secretly', operator);
  await expect(refused).rejects.toThrow();
  await harness.database.$client.query('ALTER TABLE drover.audit_away RENAME TO audit');
  expect(await cutovers.list()).toHaveLength(1);
});
