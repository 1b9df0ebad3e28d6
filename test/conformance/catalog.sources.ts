import type { SourceDescription } from '../../src/plan/conformance/metamorphic/description.ts';
import type { JsonObject } from '../../src/plan/json.ts';
import plan from '../../src/plans/catalog/index.ts';
import { startSupabaseSandbox } from '../../src/sandbox/supabase/sandbox.ts';

const product = (id: number, price: string, currency: string): JsonObject => ({
  ...{ id: String(id), name: `Thé n° ${id}`, description: '<p>Soft &amp; warm</p>', price, currency },
  ...{ image_url: '//cdn.example.com/x.png', active: true, metadata: { colour: 'blé' } },
  ...{ sync_status: 'pending', updated_at: `2024-01-05T15:04:0${id}+00:00` },
});

/** Rows of the Supabase table; the price is text, so that it holds what a person wrote. */
const table: SourceDescription = {
  title: 'Supabase table',
  plan,
  lists: {
    products: {
      entity: 'products',
      columns: {
        id: { meaning: 'id' },
        name: { meaning: 'text' },
        price: { meaning: 'amount' },
        currency: { meaning: 'currency' },
        // The column has the type of a time, so PostgreSQL itself refuses what is none.
        deleted_at: { meaning: 'text', needs: 'nothing' },
      },
      records: [product(1, '1000', 'USD'), product(2, '12500', 'JPY'), product(3, '1000.50', 'EUR')],
    },
  },
  serving: {
    kind: 'api',
    pageSizes: [1, 2],
    async start({ products = [] }, pageSize) {
      const sandbox = await startSupabaseSandbox({ products: 0, dirt: 0, ...(pageSize && { maxRows: pageSize }) });
      const columns = Object.keys(sandbox.data.table('products').schema.columns);
      // A table has the columns it has: what no plan knows would be one more, and is left out.
      for (const row of products)
        sandbox.data.insert(
          'products',
          Object.fromEntries(Object.entries(row).filter(([name]) => columns.includes(name))),
        );
      return {
        settings: { SUPABASE_URL: sandbox.url, SUPABASE_SERVICE_ROLE_KEY: sandbox.keys.serviceRoleKey },
        close: () => sandbox.close(),
      };
    },
  },
};

export const sources = [table];
