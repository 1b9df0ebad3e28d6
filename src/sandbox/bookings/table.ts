import type pg from 'pg';
import type { Booking, BookingsGenerator } from './generate.ts';

/** The statements of an application on its table of bookings. */
export interface BookingsTable {
  /** Quoted, with its schema. */
  readonly name: string;
  /** Makes schema and table; what was there under the name is replaced. */
  create(client: pg.Client): Promise<void>;
  insert(client: pg.Client, bookings: readonly Booking[]): Promise<void>;
  setContact(client: pg.Client, id: string, contact: string | null): Promise<void>;
  setStatus(client: pg.Client, id: string, status: string): Promise<void>;
  delete(client: pg.Client, id: string): Promise<void>;
}

const keyTypes = { int: 'bigint', uuid: 'uuid', text: 'text' } as const;
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** The table of the document, in a schema. */
export function bookingsTable(schema: string, { config }: BookingsGenerator): BookingsTable {
  const name = `${quoted(schema)}.bookings`;
  const key = keyTypes[config.idType];
  const { contactType } = config;
  const amount = config.amountType === 'double' ? 'double precision' : 'numeric(10,2)';
  const write = async (client: pg.Client, statement: string, values: unknown[]): Promise<void> => {
    await client.query({ name: statement.slice(0, 40), text: statement, values });
  };
  return {
    name,
    async create(client) {
      await client.query(`CREATE SCHEMA IF NOT EXISTS ${quoted(schema)}`);
      await client.query(`DROP TABLE IF EXISTS ${name} CASCADE`);
      await client.query(`CREATE TABLE ${name} (id ${key} PRIMARY KEY, "contactDetails" ${contactType}, "createdAt" timestamptz NOT NULL,
        status text, "finalAmount" ${amount}, "paymentDate" timestamptz, "paymentMethod" text, "bookingReference" text)`);
    },
    async insert(client, bookings) {
      const rows = bookings.map(({ truth: _, ...row }) => row);
      await write(
        client,
        `INSERT INTO ${name} (id, "contactDetails", "createdAt", status, "finalAmount", "paymentDate", "paymentMethod", "bookingReference")
         SELECT x.id, x.contact::${contactType}, x."createdAt", x.status, x.amount, x."paidAt", x.method, x.reference
         FROM json_to_recordset($1::json) AS x(id ${key}, contact text, "createdAt" timestamptz, status text, amount ${amount},
           "paidAt" timestamptz, method text, reference text)`,
        [JSON.stringify(rows)],
      );
    },
    setContact: (client, id, contact) =>
      write(client, `UPDATE ${name} SET "contactDetails" = $2::text::${contactType} WHERE id = $1`, [id, contact]),
    setStatus: (client, id, status) => write(client, `UPDATE ${name} SET status = $2 WHERE id = $1`, [id, status]),
    delete: (client, id) => write(client, `DELETE FROM ${name} WHERE id = $1`, [id]),
  };
}
