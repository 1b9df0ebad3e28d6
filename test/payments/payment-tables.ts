import pg from 'pg';
import { migrateDatabase } from '../../db/migrate.ts';
import { createSqlPort, transaction } from '../../db/sql.ts';
import type { LeasedEvent, PaymentTools, ProviderObjects, Settlement } from '../../src/payments/types.ts';
import { createPaymentHandler } from '../../src/payments/webhook-handlers.ts';
import { entityOrder } from '../../src/plan/define-plan.ts';
import type { JsonObject } from '../../src/plan/json.ts';
import bookings from '../../src/plans/bookings/index.ts';
import { createPostgresTarget } from '../../src/targets/postgres/index.ts';
import { createDatabase } from '../helpers/database.ts';

export const apiVersion = 'the version that we read';

/** The tables of payments in a database of their own, and the handler of events on them. */
export interface PaymentTables {
  readonly pool: pg.Pool;
  rows<T = Record<string, unknown>>(text: string, ...values: unknown[]): Promise<T[]>;
  /** Handles events together, as a worker does. */
  handle(...events: readonly LeasedEvent[]): Promise<readonly Settlement[]>;
  /** What is at the provider. */
  readonly provider: { objects: ProviderObjects | undefined };
  /** A user with a payment of the history, by the reference of its booking. */
  addMigrated(reference: string, amount: number, email?: string): Promise<void>;
  /** What a schema says of all payments, without what differs by order: ids and times of writing. */
  state(): Promise<unknown>;
  clear(): Promise<void>;
  close(): Promise<void>;
}

export async function createPaymentTables(schema = 'app'): Promise<PaymentTables> {
  const database = await createDatabase({ template: { name: 'control', migrate: migrateDatabase } });
  const pool = new pg.Pool({ connectionString: database.url, max: 60 });
  // Dropping the database ends its connections.
  pool.on('error', () => undefined);
  await createPostgresTarget(createSqlPort(pool)).prepare(bookings, entityOrder(bookings), schema);
  const rows = async <T>(text: string, ...values: unknown[]) => (await pool.query(text, values)).rows as T[];
  const provider: { objects: ProviderObjects | undefined } = { objects: undefined };
  const tools: PaymentTools = {
    schemas: async () => [schema],
    transaction: (work) => transaction(pool, work),
    get objects() {
      return provider.objects;
    },
    livemode: false,
    apiVersion,
    horizonMs: 3_600_000,
  };
  const handler = createPaymentHandler(tools);
  return {
    ...{ pool, rows, provider },
    handle: (...events) => handler(events),
    async addMigrated(reference, amount, email = 'ann@example.com') {
      await pool.query(
        `INSERT INTO ${schema}.users (id, email) VALUES (${schema}.drover_user_id($1), $1) ON CONFLICT DO NOTHING`,
        [email],
      );
      await pool.query(
        `INSERT INTO ${schema}.payments (id, user_id, booking_id, payment_reference, amount, currency, charge_status, provider)
         VALUES (gen_random_uuid(), ${schema}.drover_user_id($1), $2, 'MIGRATED-' || $2, $3, 'PHP', 'succeeded', 'migrated')`,
        [email, reference, amount],
      );
    },
    state: async () => ({
      payments: await rows(
        `SELECT payment_reference, provider_payment_id, amount, currency, status, failure_code, user_id FROM ${schema}.payments ORDER BY 1`,
      ),
      entries:
        await rows(`SELECT p.payment_reference, e.kind, e.object, e.amount, e.currency, e.user_id FROM ${schema}.payment_entries e
        JOIN ${schema}.payments p ON p.id = e.payment_id ORDER BY 1, 2, 3`),
      refunds: await rows(`SELECT provider_refund_id, amount, status FROM ${schema}.refunds ORDER BY 1`),
      disputes: await rows(`SELECT provider_dispute_id, amount, status FROM ${schema}.disputes ORDER BY 1`),
      spent: await rows(
        `SELECT user_id, currency, spent FROM ${schema}.user_statistics WHERE spent <> 0 ORDER BY 1, 2`,
      ),
    }),
    async clear() {
      await pool.query(
        `TRUNCATE ${schema}.users, ${schema}.payments, ${schema}.user_statistics_deltas, ${schema}.payment_events CASCADE`,
      );
    },
    async close() {
      await pool.end();
      await database.drop();
    },
  };
}

let counter = 0;

/** An event of Stripe about an object, as the inbox hands it out. */
export function event(
  type: string,
  object: JsonObject,
  more: Partial<LeasedEvent> & { version?: string } = {},
): LeasedEvent {
  counter += 1;
  const id = `evt_${counter}`;
  const { version = apiVersion, ...rest } = more;
  return {
    ...{ provider: 'stripe', id, type, objectId: String(object.id), account: null, livemode: false },
    happenedAt: new Date('2026-01-01T00:00:00Z'),
    payload: { id, type, api_version: version, data: { object } },
    ...{ attempts: 1, receivedAt: new Date() },
    ...rest,
  };
}

/** An intent of a booking. */
export const intent = (id: string, amount: number, more: JsonObject = {}): JsonObject => ({
  ...{ id, object: 'payment_intent', amount, amount_received: amount, currency: 'php', created: 1_760_000_000 },
  metadata: { bookingReference: `of ${id}` },
  receipt_email: 'ann@example.com',
  ...more,
});

export const refund = (id: string, of: string, amount: number, status: string): JsonObject => ({
  ...{
    id,
    object: 'refund',
    amount,
    currency: 'php',
    payment_intent: of,
    charge: `ch_${of}`,
    status,
    created: 1_760_000_100,
  },
});

export const dispute = (
  id: string,
  of: string,
  amount: number,
  status: string,
  ...moved: readonly number[]
): JsonObject => ({
  ...{
    id,
    object: 'dispute',
    amount,
    currency: 'php',
    payment_intent: of,
    charge: `ch_${of}`,
    status,
    reason: 'fraudulent',
  },
  balance_transactions: moved.map((money, n) => ({
    id: `txn_${id}_${n}`,
    amount: money,
    currency: 'php',
    created: 1_760_000_200 + n,
  })),
});
