import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { BookingsGenerator } from './generate.ts';
import type { BookingsTable } from './table.ts';

/** An application that goes on writing to the table: adds, changes and deletes rows. */
export interface BookingsWriter {
  /** Milliseconds of each operation, from the moment it was due: one that waits delays the next, and that counts. */
  readonly took: readonly number[];
  /** Ends after the current operation. Rejects with what ended the writer before, if anything did. */
  stop(): Promise<void>;
}

/** Whom each row names, by its id; null: no one that can be found. Kept by the writer without a look at the table. */
export type NamedPeople = Map<string, string | null>;

interface WriterOptions {
  readonly databaseUrl: string;
  readonly table: BookingsTable;
  readonly generator: BookingsGenerator;
  /** Operations a second. */
  readonly rate: number;
  readonly named: NamedPeople;
  /** Ends by itself after so many. */
  readonly operations?: number;
  /** The number of the first row it adds. */
  readonly firstNumber: number;
}

/** Begins to write. The operations are the same, in the same order, for the same seed, rows and first number. */
export async function startBookingsWriter(options: WriterOptions): Promise<BookingsWriter> {
  const { databaseUrl, rate, operations: limit = Number.POSITIVE_INFINITY } = options;
  const client = new pg.Client({ connectionString: databaseUrl, application_name: 'bookings application' });
  await client.connect();
  const took: number[] = [];
  let stopping = false;
  const work = async (): Promise<void> => {
    const operations = operationsOf(options);
    const began = performance.now();
    for (let n = 0; n < limit && !stopping; n++) {
      const due = began + (n * 1_000) / rate;
      const early = due - performance.now();
      if (early > 0) await sleep(early);
      await operations.next(client);
      took.push(performance.now() - Math.max(due, began));
    }
  };
  const done = work().finally(() => client.end());
  // Reported by `stop`.
  done.catch(() => undefined);
  return {
    took,
    stop: () => {
      stopping = true;
      return done;
    },
  };
}

/** Six of ten operations add a row, three change one, one deletes one. */
function operationsOf({ generator, table, named, firstNumber }: WriterOptions) {
  const random = generator.random.fork(`writer/${firstNumber}`);
  const ids = [...named.keys()];
  let next = firstNumber;
  const pickId = (): { place: number; id: string } => {
    const place = random.int(0, ids.length - 1);
    return { place, id: ids[place] as string };
  };
  const add = async (client: pg.Client): Promise<void> => {
    const booking = generator.booking(next);
    next += 1;
    await table.insert(client, [booking]);
    named.set(booking.id, booking.truth.email ?? null);
    ids.push(booking.id);
  };
  const change = async (client: pg.Client): Promise<void> => {
    const { id } = pickId();
    if (random.chance(0.5)) return table.setStatus(client, id, random.pick(['CANCELLED', 'paid', 'Attended']));
    const { text, truth } = generator.contact(random);
    await table.setContact(client, id, text);
    named.set(id, truth.email ?? null);
  };
  const remove = async (client: pg.Client): Promise<void> => {
    const { place, id } = pickId();
    await table.delete(client, id);
    named.delete(id);
    ids[place] = ids.at(-1) as string;
    ids.pop();
  };
  return {
    next(client: pg.Client): Promise<void> {
      const draw = random.next();
      if (draw < 0.6 || ids.length < 2) return add(client);
      return draw < 0.9 ? change(client) : remove(client);
    },
  };
}
