import pg from 'pg';
import type { SourceDescription } from '../../src/plan/conformance/metamorphic/description.ts';
import { identifier } from '../../src/plan/sql.ts';
import plan from '../../src/plans/bookings/index.ts';
import { createDatabase } from '../helpers/database.ts';

const columns = [
  ...['id', 'contactDetails', 'createdAt', 'status', 'finalAmount', 'currency', 'paymentDate', 'paymentMethod'],
  'bookingReference',
];

const database = createDatabase();
let opened: Promise<pg.Pool> | undefined;
let readings = 0;

/** One database for all readings, each in a schema of its own. */
function openPool(): Promise<pg.Pool> {
  opened ??= database.then(({ url }) => new pg.Pool({ connectionString: url, max: 1 }));
  return opened;
}

const booking = (id: string, finalAmount: string, currency: string) => ({
  ...{ id, status: 'Paid', finalAmount, currency, paymentMethod: 'card', bookingReference: `B-${id}` },
  ...{ contactDetails: '{"email": "josé@example.com"}', createdAt: '2025-01-01 00:00:00+00' },
  paymentDate: '2025-01-02 00:00:00+00',
});

/**
 * A table with columns of text, which hold what a person wrote. The people of the bookings are read by way of a workspace, so
 * the contact details are left to the plan's own tests.
 */
const table: SourceDescription = {
  title: 'table of bookings',
  plan,
  lists: {
    bookings: {
      entity: 'payments',
      columns: {
        id: { meaning: 'id' },
        status: { meaning: 'word' },
        finalAmount: { meaning: 'amount', into: 'amount' },
        currency: { meaning: 'currency' },
        createdAt: { meaning: 'date', needs: 'column' },
        paymentDate: { meaning: 'date', into: 'paidAt', needs: 'column' },
        bookingReference: { meaning: 'text' },
      },
      records: [booking('1', '1000', 'PHP'), booking('2', '12500', 'JPY'), booking('3', '1000.50', 'USD')],
    },
  },
  serving: {
    kind: 'api',
    // The plan's pages have a thousand rows.
    pageSizes: [],
    async start({ bookings = [] }) {
      const pool = await openPool();
      const schema = `reading_${++readings}`;
      const name = `${schema}.bookings`;
      // More columns, and in another order, where a record has them so.
      const names = [...new Set([...bookings.flatMap(Object.keys), ...columns])];
      const definitions = names.map((column) => `${identifier(column)} text`);
      await pool.query(`CREATE SCHEMA ${schema}; CREATE TABLE ${name} (${definitions.join(', ')}, PRIMARY KEY (id))`);
      await pool.query(`INSERT INTO ${name} SELECT * FROM json_populate_recordset(NULL::${name}, $1)`, [
        JSON.stringify(bookings),
      ]);
      return {
        settings: { SOURCE_DATABASE_URL: (await database).url },
        params: { table: name, columns: { currency: 'currency' } },
        close: async () => undefined,
      };
    },
    async close() {
      await (await openPool()).end();
      await (await database).drop();
    },
  },
};

export const sources = [table];
