import { afterAll, beforeAll, expect, it } from 'vitest';
import { readConfig } from '../../../src/config.ts';
import type { Control } from '../../../src/contract/control.ts';
import type { CutoverControl } from '../../../src/contract/cutover.ts';
import { openControl, openCutovers } from '../../../src/engine/open-engine.ts';
import { entityOrder } from '../../../src/plan/define-plan.ts';
import { createRegistry } from '../../../src/plan/registry.ts';
import { createHarness, type Harness, shop } from '../../helpers/shop-harness.ts';

/** The plan's tables in a database of their own, which holds no other tables of Drover than those about them. */
const operator = { id: 'launch-operator', role: 'operator' } as const;
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
  // Until its lock is free: all that follows the swap is done then.
  const lock = `SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
    WHERE l.locktype = 'advisory' AND d.datname = current_database()`;
  while ((await harness.sql(lock)).length > 0) await new Promise((done) => setTimeout(done, 20));
  expect(await cutovers.find(begun.stamp)).toMatchObject({ status: 'done', actor: 'launch-operator', unplanned: [] });
  const audit = `SELECT actor, action, subject, reason FROM drover.audit WHERE subject LIKE 'cutover:%' ORDER BY id`;
  expect((await harness.database.$client.query(audit)).rows).toEqual([
    { actor: 'launch-operator', action: 'cutover.start', subject: `cutover:${begun.stamp}`, reason: 'launch' },
  ]);
  expect(await harness.sql(audit)).toEqual([]);
});

it('begins nothing that the audit log has no row of', async () => {
  await harness.database.$client.query('ALTER TABLE drover.audit RENAME TO audit_away');
  try {
    const refused = cutovers.start({ plan: 'shop', hold: false }, 'not recorded', operator);
    await expect(refused).rejects.toMatchObject({
      code: 'TARGET_SCHEMA',
      message: expect.stringContaining('drover.audit'),
    });
  } finally {
    await harness.database.$client.query('ALTER TABLE drover.audit_away RENAME TO audit');
  }
  expect(await cutovers.list()).toHaveLength(1);
});
