import { readConfig } from '../../../src/config.ts';
import type { CutoverView } from '../../../src/contract/cutover.ts';
import type { ValidationView } from '../../../src/contract/runs.ts';
import type { Run } from '../../../src/engine/ledger/types.ts';
import { openControl } from '../../../src/engine/open-engine.ts';
import { entityOrder } from '../../../src/plan/define-plan.ts';
import { createRegistry } from '../../../src/plan/registry.ts';
import { startService, type TestService } from '../../helpers/api-service.ts';
import { createHarness, type Harness, shop } from '../../helpers/shop-harness.ts';

/** The API over one database that is control and target, with a shop that is live and one that is staged. */
export interface CutoverShop {
  readonly service: TestService;
  readonly harness: Harness;
  /** Loads customers (and a payment each, in PHP) into a schema and answers the run. */
  load(schema: string, customers: readonly string[], amount?: string): Promise<Run>;
  validate(run: Run): Promise<ValidationView>;
  /** Asks until it stands still. */
  settled(stamp: string): Promise<CutoverView>;
  /** A hash of everything the catalog and Drover's own tables say of the shop. */
  everything(): Promise<string>;
  column(sql: string): Promise<unknown[]>;
  stop(): Promise<void>;
}

const outside = `
CREATE SCHEMA app;
CREATE TABLE app.orders (id int PRIMARY KEY, customer_id uuid NOT NULL CONSTRAINT orders_customer REFERENCES shop.customers (id));
CREATE VIEW app.spenders AS SELECT c.email, p.amount FROM shop.customers c JOIN shop.payments p ON p.customer_id = c.id;
COMMENT ON TABLE shop.customers IS 'who buys';`;

const everythingSql = `
SELECT md5(concat_ws('|',
  (SELECT string_agg(concat_ws(' ', c.oid, c.relname, c.relnamespace, c.relfilenode, c.relacl::text, c.relhastriggers), ',' ORDER BY c.oid)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname !~ '^(pg_|information_schema)'),
  (SELECT string_agg(concat_ws(' ', oid, conname, conrelid, convalidated), ',' ORDER BY oid) FROM pg_constraint),
  (SELECT string_agg(concat_ws(' ', oid, tgname, tgrelid), ',' ORDER BY oid) FROM pg_trigger),
  (SELECT string_agg(nspname, ',' ORDER BY oid) FROM pg_namespace),
  (SELECT count(*) FROM drover.cutovers), (SELECT count(*) FROM drover.audit), (SELECT count(*) FROM shop.customers))) AS hash`;

export async function startCutoverShop(): Promise<CutoverShop> {
  const plans = createRegistry([shop]);
  const service = await startService(
    {},
    async (database) => openControl({ database, target: database, plans, config: readConfig({}) }),
    plans,
  );
  const harness = await createHarness({ over: service.database });
  await harness.rows.prepare(shop, entityOrder(shop), 'shop_staging');
  await harness.sql(outside);
  const call = (method: 'GET' | 'POST', url: string) =>
    service.app.inject({ method, url: `/api/v1${url}`, headers: service.as('operator') });
  return {
    service,
    harness,
    async load(schema, customers, amount = '10.0000') {
      const people = customers.map((id) => [id, { row: { email: `${id}@example.com`, name: id } }]);
      const row = { amount, currency: 'PHP', status: 'paid' };
      const money = { minor: '1000', currency: 'PHP', status: 'paid' };
      const paid = customers.map((id) => [`p-${id}`, { row, customer: id, ...money }]);
      const records = { customers: Object.fromEntries(people), payments: Object.fromEntries(paid) };
      return harness.load(records, { targetSchema: schema });
    },
    validate: async (run) => (await call('POST', `/runs/${run.id}/validate`)).json(),
    async settled(stamp) {
      for (;;) {
        const view = (await call('GET', `/cutovers/${stamp}`)).json<CutoverView>();
        const still = view.status === 'preparing' || (view.status === 'done' && view.progress !== null);
        if (!still || view.nextActions.includes('go')) return view;
        await new Promise((done) => setTimeout(done, 20));
      }
    },
    everything: async () => (await harness.sql<{ hash: string }>(everythingSql))[0]?.hash ?? '',
    column: async (sql) => (await harness.sql(sql)).map((row) => Object.values(row)[0]),
    async stop() {
      await harness.close();
      await service.stop();
    },
  };
}
