import pg from 'pg';
import { BookingsGenerator, type BookingsOptions } from './generate.ts';
import { type BookingsManifest, ManifestBuilder, type PersonTotals } from './manifest.ts';
import { bookingsTable } from './table.ts';
import { type BookingsWriter, type NamedPeople, startBookingsWriter } from './writer.ts';

/** A table of bookings in a database, and what is right of it. */
export interface BookingsSandbox {
  /** Quoted, with its schema. */
  readonly table: string;
  readonly manifest: BookingsManifest;
  readonly generator: BookingsGenerator;
  /** Bookings and payments of each person when the table was made, by the one form of the address. */
  readonly people: ReadonlyMap<string, PersonTotals>;
  /** Whom each row names now, by its id, writers included; null: no one that can be found. */
  readonly named: ReadonlyMap<string, string | null>;
  /** Begins to write so many times a second, and ends by itself after `operations`; one writer at a time. */
  write(rate: number, operations?: number): Promise<BookingsWriter>;
}

const rowsPerInsert = 5_000;

export interface BookingsPlace {
  readonly databaseUrl: string;
  readonly schema: string;
}

/** Makes the table, in place of one that is there. Rejects on an invalid option and what the database says. */
export async function makeBookings(
  { databaseUrl, schema }: BookingsPlace,
  options: BookingsOptions = {},
): Promise<BookingsSandbox> {
  const generator = new BookingsGenerator(options);
  const { rows, seed } = generator.config;
  const table = bookingsTable(schema, generator);
  const builder = new ManifestBuilder();
  const named: NamedPeople = new Map();
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'bookings sandbox' });
  await client.connect();
  try {
    await table.create(client);
    for (let from = 1; from <= rows; from += rowsPerInsert) {
      const size = Math.min(rowsPerInsert, rows - from + 1);
      const bookings = Array.from({ length: size }, (_, n) => generator.booking(from + n));
      for (const booking of bookings) {
        builder.add(booking);
        named.set(booking.id, booking.truth.email ?? null);
      }
      await table.insert(client, bookings);
    }
    await client.query(`ANALYZE ${table.name}`);
  } finally {
    await client.end();
  }
  let firstNumber = rows + 1;
  return {
    ...{ table: table.name, manifest: builder.manifest(seed), generator, people: builder.people, named },
    async write(rate, operations) {
      const writer = await startBookingsWriter({
        ...{ databaseUrl, table, generator, rate, named, firstNumber },
        ...(operations === undefined ? {} : { operations }),
      });
      // Another writer adds rows of other numbers.
      return {
        took: writer.took,
        stop: async () => {
          firstNumber += writer.took.length + 1;
          await writer.stop();
        },
      };
    },
  };
}
