import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { readConfig } from '../../../src/config.ts';
import { createEffectStore } from '../../../src/engine/api-effects/store.ts';
import type { Run } from '../../../src/engine/ledger/types.ts';
import { openControl } from '../../../src/engine/open-engine.ts';
import { createDuplicateStore, type DuplicateStore } from '../../../src/engine/repair/duplicates.sql.ts';
import { findDuplicates, removeDuplicates } from '../../../src/engine/repair/duplicates.ts';
import { rollbackRun, rollbackSql } from '../../../src/engine/rollback/rollback.ts';
import { createRollbackLedger, createRollbackStore } from '../../../src/engine/rollback/store.ts';
import { createRegistry } from '../../../src/plan/registry.ts';
import { checksum, createHarness, type Harness, shop } from '../../helpers/shop-harness.ts';

const tables = ['shop.customers', 'shop.payments'];
let harness: Harness;
let store: DuplicateStore;
let run: Run;

beforeAll(async () => {
  harness = await createHarness();
  store = createDuplicateStore(harness.target.$client);
  // An existing table may have no unique constraint on the address.
  await harness.sql('ALTER TABLE shop.customers DROP CONSTRAINT customers_email_key');
});
afterAll(() => harness.close());

beforeEach(async () => {
  await harness.sql('DROP TABLE IF EXISTS shop.refunds');
  await harness.sql('TRUNCATE shop.customers, shop.payments, drover.identities, drover.changes');
  run = await harness.load({
    customers: { a: { email: 'a@x', row: { email: 'a@x', name: 'A' } }, b: { email: 'b@x', row: { email: 'b@x' } } },
    payments: {
      p: {
        customer: 'a',
        minor: '300',
        currency: 'USD',
        status: 'paid',
        row: { amount: '3', currency: 'USD', status: 'paid' },
      },
      q: {
        customer: 'b',
        minor: '500',
        currency: 'USD',
        status: 'paid',
        row: { amount: '5', currency: 'USD', status: 'paid' },
      },
    },
  });
});

const twin = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;
const rowOf = (entity: string, sourceId: string) =>
  `(SELECT target_id::uuid FROM drover.identities WHERE entity = '${entity}' AND source_id = '${sourceId}' AND scope = 'shop/shop')`;

/** Inserts the record's row again, with other values where given. */
const duplicate = (entity: string, sourceId: string, id: string, other: object = {}) =>
  harness.sql(
    `INSERT INTO shop.${entity} SELECT (jsonb_populate_record(t, $1)).* FROM shop.${entity} t WHERE id = ${rowOf(entity, sourceId)}`,
    [JSON.stringify({ ...other, id })],
  );

const found = async () => {
  const rows = await findDuplicates(store, run, shop);
  return Object.fromEntries(
    rows.map(({ targetId, sourceId, refusal }) => [targetId, `${sourceId}: ${refusal ?? 'removable'}`]),
  );
};

const undo = async (how: 'function' | 'script'): Promise<void> => {
  const deps = {
    store: createRollbackStore(harness.target.$client),
    ledger: createRollbackLedger(harness.database),
    references: harness.ledger,
    rows: harness.rows,
    effects: createEffectStore(harness.database.$client),
  };
  if (how === 'function') return void (await rollbackRun(deps, run, shop, { dryRun: false }));
  let text = '';
  for await (const piece of rollbackSql(deps, run, shop)) text += piece;
  await harness.sql(text);
};

describe('a duplicate row', () => {
  it('is removed when it is provably the same; the row of the record stays', async () => {
    const before = await checksum(harness, tables);
    await duplicate('customers', 'a', twin(1));
    await duplicate('payments', 'p', twin(2));
    await duplicate('payments', 'p', twin(3));
    expect(await found()).toEqual({ [twin(1)]: 'a: removable', [twin(2)]: 'p: removable', [twin(3)]: 'p: removable' });
    const { removed, left } = await removeDuplicates(store, run, shop);
    expect([removed.length, left]).toEqual([3, []]);
    expect(await checksum(harness, tables)).toEqual(before);
    expect(await found()).toEqual({});
  });

  it('stays when it only resembles the row, differs, or is referenced', async () => {
    await harness.sql('CREATE TABLE shop.refunds (payment uuid REFERENCES shop.payments (id) ON DELETE CASCADE)');
    await harness.sql(`ALTER TABLE shop.payments ADD COLUMN note text`);
    onTestFinished(async () => void (await harness.sql('ALTER TABLE shop.payments DROP COLUMN note')));
    await duplicate('payments', 'p', twin(1));
    await harness.sql('INSERT INTO shop.refunds VALUES ($1)', [twin(1)]);
    await duplicate('payments', 'q', twin(2), { note: 'a second sale of the shop' });
    await duplicate('customers', 'a', twin(3), { name: 'Another' });
    await duplicate('customers', 'b', twin(4));
    await harness.sql(
      `INSERT INTO shop.payments (id, customer_id, amount, currency, status) VALUES ($1, $2, 9, 'USD', 'by the shop')`,
      [twin(6), twin(4)],
    );
    await duplicate('customers', 'a', twin(5));
    await harness.sql(
      `INSERT INTO drover.identities (scope, entity, source_id, target_id, hash, run_id) VALUES ('shop/other', 'customers', 'z', $1, '', 'r')`,
      [twin(5)],
    );
    expect(await found()).toEqual({
      [twin(1)]: 'p: a row of shop.refunds points at it (refunds_payment_fkey)',
      [twin(2)]: 'q: no natural key says that it is the same, and it differs in columns the plan does not know',
      [twin(3)]: 'a: it has the same natural key but differs in name',
      [twin(4)]: expect.stringMatching(/^b: a row of shop.payments points at it/),
      [twin(5)]: 'a: it belongs to a record of another plan or schema',
    });
    const before = await checksum(harness, [...tables, 'shop.refunds', 'drover.changes']);
    expect((await removeDuplicates(store, run, shop)).removed).toEqual([]);
    expect(await checksum(harness, [...tables, 'shop.refunds', 'drover.changes'])).toEqual(before);
  });

  it('stays when a trigger refuses its removal; others are removed', async () => {
    await duplicate('payments', 'p', twin(1));
    await duplicate('payments', 'q', twin(2));
    await harness.sql(`CREATE FUNCTION shop.keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF OLD.id = '${twin(1)}' THEN RAISE EXCEPTION 'this one is under audit'; END IF; RETURN OLD; END $$;
      CREATE TRIGGER keep BEFORE DELETE ON shop.payments FOR EACH ROW EXECUTE FUNCTION shop.keep()`);
    onTestFinished(async () => void (await harness.sql('DROP FUNCTION shop.keep() CASCADE')));
    const { removed, left } = await removeDuplicates(store, run, shop);
    expect(removed.map(({ targetId }) => targetId)).toEqual([twin(2)]);
    expect(left).toMatchObject([{ targetId: twin(1), refusal: expect.stringContaining('under audit') }]);
  });

  it.each(['function', 'script'] as const)('is restored by the rollback of the run, by the %s', async (how) => {
    await harness.sql(`UPDATE shop.customers SET data = '{"n": 12345678901234567890.123}' WHERE email = 'a@x'`);
    await duplicate('customers', 'a', twin(1));
    await removeDuplicates(store, run, shop);
    expect(await harness.sql('SELECT FROM shop.customers WHERE id = $1', [twin(1)])).toEqual([]);
    await undo(how);
    expect(await harness.sql('SELECT email, name, data::text FROM shop.customers WHERE id = $1', [twin(1)])).toEqual([
      { email: 'a@x', name: 'A', data: '{"n": 12345678901234567890.123}' },
    ]);
    expect(await harness.sql(`SELECT FROM drover.changes WHERE operation = 'remove'`)).toEqual([]);
  });

  it('is not restored twice when it was inserted again by hand', async () => {
    await duplicate('payments', 'p', twin(1));
    await removeDuplicates(store, run, shop);
    await duplicate('payments', 'p', twin(1), { status: 'by hand' });
    await undo('function');
    expect(await harness.sql('SELECT status FROM shop.payments')).toEqual([{ status: 'by hand' }]);
  });
});

describe('reconcile of a finished run', () => {
  const actor = { id: 'test', role: 'operator' } as const;
  const pending = (id: string) =>
    harness.database.$client.query(
      `SELECT source_id FROM drover.records WHERE run_id = $1 AND status = 'pending' AND stage = 'reconcile' ORDER BY 1`,
      [id],
    );

  it('compares every record the run has in the target again: unchanged, mismatched, never compared; and no others', async () => {
    const { database, target } = harness;
    const control = openControl({ database, target, plans: createRegistry([shop]), config: readConfig({}) });
    const second = await harness.load({
      customers: {
        a: { email: 'a@x', row: { email: 'a@x', name: 'A' } },
        b: { email: 'b@x', row: { email: 'b@x', name: 'B' } },
        c: { email: 'a@x', row: { email: 'a@x', name: 'C' } },
        d: { reject: 'bad' },
        e: { email: 'e@x', row: { email: 'e@x' } },
        f: { email: 'f@x', row: { email: 'f@x' } },
      },
    });
    const set = (sourceId: string, what: string) =>
      database.$client.query(`UPDATE drover.records SET ${what} WHERE run_id = $1 AND source_id = $2`, [
        second.id,
        sourceId,
      ]);
    await set('e', `status = 'mismatched', code = 'TARGET_DIFFERS'`);
    await set('f', `status = 'failed', stage = 'reconcile', code = 'DATABASE_UNAVAILABLE'`);
    const statuses = await database.$client.query(
      `SELECT source_id, status, code FROM drover.records WHERE run_id = $1 ORDER BY 1`,
      [second.id],
    );
    expect(statuses.rows.map(({ source_id, status, code }) => `${source_id} ${status} ${code ?? ''}`.trim())).toEqual([
      ...['a skipped UNCHANGED', 'b reconciled', 'c skipped MERGED', 'd rejected BAD'],
      ...['e mismatched TARGET_DIFFERS', 'f failed DATABASE_UNAVAILABLE'],
    ]);
    await control.reconcile(second.id, 'a test', actor);
    expect((await pending(second.id)).rows.map(({ source_id }) => source_id)).toEqual(['a', 'b', 'e', 'f']);
  });
});
