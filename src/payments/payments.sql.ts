import type pg from 'pg';
import type { Database } from '../../db/client.ts';
import { queryPrepared } from '../../db/sql.ts';
import { runsBySchema } from '../engine/webhooks/store.ts';
import { qualified } from '../plan/sql.ts';
import type { Entry, LeasedEvent, PaymentRow } from './types.ts';

/** The statements of one schema. Each runs in the transaction of the effect. */
const tableOf = (schema: string) => (name: string) => qualified(schema, name);

/** Schemas of the target that have the tables of payments, the newest migration first. */
export async function paymentSchemas(database: Database, target: pg.Pool): Promise<readonly string[]> {
  const schemas = (await runsBySchema(database, 'bookings')).map(({ targetSchema }) => targetSchema);
  const text = `SELECT s AS schema FROM unnest($1::text[]) WITH ORDINALITY AS x(s, n)
    WHERE to_regclass(format('%I.payment_entries', s)) IS NOT NULL ORDER BY n`;
  const rows = await queryPrepared<{ schema: string }>(target, undefined, text, [schemas]);
  return rows.map(({ schema }) => schema);
}

const paymentColumns = `p.id::text AS id, p.provider, p.amount::text AS amount, p.currency,
  p.provider_payment_id AS "providerPaymentId", p.booking_id AS "bookingId"`;

/** The payment with the provider's id, locked; undefined when there is none. */
export async function findByProviderId(
  client: pg.PoolClient,
  schema: string,
  providerPaymentId: string,
): Promise<PaymentRow | undefined> {
  const text = `SELECT ${paymentColumns} FROM ${tableOf(schema)('payments')} p
    WHERE p.provider_payment_id = $1 FOR NO KEY UPDATE`;
  return (await queryPrepared<PaymentRow>(client, undefined, text, [providerPaymentId]))[0];
}

/** The payment of the history that the booking has and that no payment of the provider has claimed; locked. */
export async function findMigrated(
  client: pg.PoolClient,
  schema: string,
  booking: BookingName,
): Promise<PaymentRow | undefined> {
  const text = `SELECT ${paymentColumns} FROM ${tableOf(schema)('payments')} p
    WHERE p.provider = 'migrated' AND p.provider_payment_id IS NULL
      AND (p.payment_reference = 'MIGRATED-' || $1 OR p.booking_id = $2) ORDER BY p.id LIMIT 1 FOR NO KEY UPDATE`;
  return (await queryPrepared<PaymentRow>(client, undefined, text, [booking.reference, booking.id]))[0];
}

/** How an object of the provider names a booking. */
export interface BookingName {
  readonly reference: string | null;
  readonly id: string | null;
}

/** Gives a payment of the history the provider's id. */
export async function claimPayment(
  client: pg.PoolClient,
  schema: string,
  id: string,
  providerPaymentId: string,
): Promise<void> {
  const text = `UPDATE ${tableOf(schema)('payments')} SET provider_payment_id = $2 WHERE id = $1`;
  await queryPrepared(client, undefined, text, [id, providerPaymentId]);
}

export interface NewPayment {
  readonly providerPaymentId: string;
  readonly booking: BookingName;
  readonly amount: bigint;
  readonly currency: string;
  readonly method: string;
  readonly livemode: boolean;
  readonly paidAt: Date | null;
  /** Undefined: the user is not known. */
  readonly email: string | null;
}

/** Adds a payment of the provider, or finds the one that another event has added meanwhile. Its user is the one of the address. */
export async function addPayment(client: pg.PoolClient, schema: string, payment: NewPayment): Promise<PaymentRow> {
  const table = tableOf(schema);
  const { providerPaymentId, booking, amount, currency, method, livemode, paidAt, email } = payment;
  await queryPrepared(
    client,
    undefined,
    `INSERT INTO ${table('payments')} (id, user_id, booking_id, payment_reference, amount, currency, charge_status, method, paid_at,
       provider, provider_payment_id, livemode)
     VALUES (gen_random_uuid(), (SELECT e.user_id FROM ${table('user_emails')} e WHERE e.email_key = ${table('drover_email_key')}($9)),
       $2, $3, $4, $5, 'pending', $6, $7, 'stripe', $1, $8)
     ON CONFLICT DO NOTHING`,
    [
      providerPaymentId,
      booking.id ?? booking.reference,
      `stripe-${providerPaymentId}`,
      String(amount),
      currency,
      method,
      paidAt,
      livemode,
      email,
    ],
  );
  // The other event's transaction was waited for, so its row is visible now.
  return (await findByProviderId(client, schema, providerPaymentId)) as PaymentRow;
}

/** Adds an entry; false when the payment has it already. */
export async function addEntry(
  client: pg.PoolClient,
  schema: string,
  paymentId: string,
  entry: Entry,
  eventId: string,
): Promise<boolean> {
  const { kind, object, amount, currency, happenedAt } = entry;
  const text = `INSERT INTO ${tableOf(schema)('payment_entries')} (payment_id, kind, object, amount, currency, happened_at, event_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING 1`;
  const values = [paymentId, kind, object, String(amount), currency, happenedAt, eventId];
  return (await queryPrepared(client, undefined, text, values)).length === 1;
}

/** Notes why a charge was refused; of several reasons the first by its name, so that the order of events changes nothing. */
export async function noteFailure(client: pg.PoolClient, schema: string, id: string, code: string): Promise<void> {
  const text = `UPDATE ${tableOf(schema)('payments')} SET failure_code = least(failure_code, $2)
    WHERE id = $1 AND failure_code IS DISTINCT FROM least(failure_code, $2)`;
  await queryPrepared(client, undefined, text, [id, code]);
}

/**
 * Takes an event to have its effect in this transaction; false when it has had it. A transaction that applies it at the same
 * time is waited for.
 */
export async function claimEvent(client: pg.PoolClient, schema: string, event: LeasedEvent): Promise<boolean> {
  const text = `INSERT INTO ${tableOf(schema)('payment_events')} (provider, account, event_id, type, effect, happened_at)
    VALUES ($1, $2, $3, $4, '', $5) ON CONFLICT DO NOTHING RETURNING 1`;
  const values = [event.provider, event.account ?? '', event.id, event.type, event.happenedAt];
  return (await queryPrepared(client, undefined, text, values)).length === 1;
}

/** Says what the effect was, and of which payment. */
export async function describeEvent(
  client: pg.PoolClient,
  schema: string,
  event: LeasedEvent,
  paymentId: string,
  effect: string,
): Promise<void> {
  const text = `UPDATE ${tableOf(schema)('payment_events')} SET payment_id = $4, effect = $5
    WHERE provider = $1 AND account = $2 AND event_id = $3`;
  await queryPrepared(client, undefined, text, [event.provider, event.account ?? '', event.id, paymentId, effect]);
}

/** A refund or a dispute as the provider shows it. */
export interface ProviderObjectRow {
  readonly id: string;
  readonly amount: bigint;
  readonly currency: string;
  readonly status: string;
  readonly reason: string | null;
  readonly happenedAt: Date | null;
}

/**
 * Stores a refund or a dispute. `order` are its statuses, those that come later last: an older one never replaces a newer one,
 * in whatever order events arrive. Answers the status it has now.
 */
export async function putProviderObject(
  client: pg.PoolClient,
  schema: string,
  kind: 'refund' | 'dispute',
  paymentId: string,
  { id, amount, currency, status, reason, happenedAt }: ProviderObjectRow,
  order: readonly string[],
): Promise<string> {
  const text = `INSERT INTO ${tableOf(schema)(`${kind}s`)} AS o
      (payment_id, provider, provider_${kind}_id, amount, currency, status, reason, happened_at)
    VALUES ($1, 'stripe', $2, $3, $4, $5, $6, $7)
    ON CONFLICT (provider, account, provider_${kind}_id) DO UPDATE SET
      status = CASE WHEN coalesce(array_position($8::text[], excluded.status), 0) > coalesce(array_position($8::text[], o.status), 0)
        THEN excluded.status ELSE o.status END,
      reason = coalesce(excluded.reason, o.reason), updated_at = now()
    RETURNING status`;
  const values = [paymentId, id, String(amount), currency, status, reason, happenedAt, order];
  const [row] = await queryPrepared<{ status: string }>(client, undefined, text, values);
  return row?.status ?? status;
}
