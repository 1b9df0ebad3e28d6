import type pg from 'pg';
import { queryPrepared, type Row } from '../../../db/sql.ts';
import type { Anomaly, AnomalyRule } from '../../contract/bookings.ts';
import { identifier, qualified } from '../../plan/sql.ts';
import { contactKeySql, linkNames, tableOf } from '../link/statements.ts';
import { findLink } from '../link/store.sql.ts';
import { checkStatistics } from '../statistics.sql.ts';

export interface AnomalyPlace {
  /** Of the control database, where the inbox is. */
  readonly control: pg.Pool;
  readonly target: pg.Pool;
  readonly schema: string;
}

/** An anomaly with its place in the order of its rule. */
export interface FoundAnomaly {
  readonly key: string;
  readonly anomaly: Anomaly;
}

interface Rule {
  readonly remedy: string;
  /** At most `limit` of them behind `after`, in the order of their keys; `limit` null: all. Throws DroverError. */
  find(place: AnomalyPlace, after: string | undefined, limit: number | null): Promise<readonly FoundRow[]>;
}

interface FoundRow {
  readonly key: string;
  readonly subject: string;
  readonly details: Readonly<Record<string, string | null>>;
}

/** How long a link that is worked on may be without a sign of it, in seconds. */
export const staleLinkSeconds = 600;

/** What should not be, one rule each. */
export const rules: Readonly<Record<AnomalyRule, Rule>> = {
  unlinked_booking: {
    remedy: 'Look into the log of the workers, then save the contact of the booking again: the trigger links it.',
    find: findUnlinked,
  },
  webhook_failed: {
    remedy: 'Remove the cause that its code names, then replay it: `drover webhooks replay`.',
    find: findFailedWebhooks,
  },
  statistics_drift: {
    remedy: 'Correct it with `drover check statistics --repair`.',
    find: findDrift,
  },
  beyond_payment: {
    remedy: 'Compare refunds and disputes of the payment at the provider; one of them may be contested.',
    find: findBeyondPayment,
  },
  amount_differs: {
    remedy: 'Compare the payment with its charges at the provider, and correct the wrong one.',
    find: findDifferentAmounts,
  },
  stale_link: {
    remedy: 'See `drover link status`, and whether workers run.',
    find: findStaleLink,
  },
};

/** Some anomalies of a rule behind a key, in the order of their keys. Throws DroverError. */
export async function findAnomalies(
  place: AnomalyPlace,
  rule: AnomalyRule,
  after: string | undefined,
  limit: number | null,
): Promise<readonly FoundAnomaly[]> {
  const { remedy, find } = rules[rule];
  return (await find(place, after, limit)).map(({ key, subject, details }) => ({
    key,
    anomaly: { rule, subject, details, remedy },
  }));
}

/** Bookings with a usable address that have no user although filling is over. */
async function findUnlinked({ target, schema }: AnomalyPlace, after: string | undefined, limit: number | null) {
  const link = await findLink(target, schema);
  if (link === undefined || link.state !== 'done') return [];
  const key = `b.${identifier(link.bookings.key)}`;
  const text = `SELECT ${key}::text AS key FROM ${tableOf(link.bookings)} b
    WHERE ($1::${link.bookings.keyType} IS NULL OR ${key} > $1) AND b.${identifier(linkNames.column)} IS NULL
      AND ${contactKeySql(schema, link.bookings, 'b')} IS NOT NULL ORDER BY ${key} LIMIT $2`;
  const rows = await queryPrepared<{ key: string }>(target, undefined, text, [after ?? null, limit]);
  return rows.map(({ key: id }) => ({ key: id, subject: `booking:${id}`, details: {} }));
}

/** Events whose last attempt failed, also those that are not tried again by themselves. Messages are left out: they can quote. */
async function findFailedWebhooks({ control }: AnomalyPlace, after: string | undefined, limit: number | null) {
  const text = `SELECT seq::text AS key, provider, event_id, type, code, due_at FROM drover.inbox
    WHERE state = 'failed' AND ($1::bigint IS NULL OR seq > $1) ORDER BY seq LIMIT $2`;
  const rows = await queryPrepared<Row & Record<'key' | 'provider' | 'event_id' | 'type', string>>(
    control,
    undefined,
    text,
    [after ?? null, limit],
  );
  return rows.map(({ key, provider, event_id, type, code, due_at }) => ({
    ...{ key, subject: `webhook:${provider}/${event_id}` },
    details: { type, code: code as string | null, dueAt: due_at instanceof Date ? due_at.toISOString() : null },
  }));
}

/** Figures of users that are not what the rows add up to; at most the thousand of the check. */
async function findDrift({ target, schema }: AnomalyPlace, after: string | undefined, limit: number | null) {
  const { differences } = await checkStatistics(target, schema);
  const found = differences.map(({ userId, currency, figure, kept, recomputed }) => ({
    ...{ key: `${userId} ${currency} ${figure}`, subject: `user:${userId}` },
    details: { figure, currency, kept, recomputed },
  }));
  const rest = found
    .sort((one, other) => (one.key < other.key ? -1 : 1))
    .filter(({ key }) => after === undefined || key > after);
  return limit === null ? rest : rest.slice(0, limit);
}

/** Payments of which more was refunded and withdrawn by disputes than came in, in one of their currencies. */
async function findBeyondPayment({ target, schema }: AnomalyPlace, after: string | undefined, limit: number | null) {
  const text = `SELECT DISTINCT ON (x.payment_id) x.payment_id::text AS key, x.currency, (-x.sum)::text AS excess FROM (
      SELECT e.payment_id, e.currency, sum(e.amount) AS sum FROM ${qualified(schema, 'payment_entries')} e
      WHERE $1::uuid IS NULL OR e.payment_id > $1 GROUP BY 1, 2 HAVING sum(e.amount) < 0) x
    ORDER BY x.payment_id, x.currency LIMIT $2`;
  const rows = await queryPrepared<Record<'key' | 'currency' | 'excess', string>>(target, undefined, text, [
    after ?? null,
    limit,
  ]);
  return rows.map(({ key, currency, excess }) => ({ key, subject: `payment:${key}`, details: { currency, excess } }));
}

/** Payments whose charges are not their amount, or are in another currency. */
async function findDifferentAmounts({ target, schema }: AnomalyPlace, after: string | undefined, limit: number | null) {
  const text = `SELECT p.id::text AS key, p.amount::text AS amount, p.currency, c.charged::text AS charged
    FROM ${qualified(schema, 'payments')} p JOIN LATERAL (
      SELECT sum(e.amount) AS charged, bool_or(e.currency <> p.currency) AS other FROM ${qualified(schema, 'payment_entries')} e
      WHERE e.payment_id = p.id AND e.kind IN ('charge', 'adjustment')) c ON c.charged IS NOT NULL
    WHERE ($1::uuid IS NULL OR p.id > $1) AND (c.charged <> p.amount OR c.other) ORDER BY p.id LIMIT $2`;
  const rows = await queryPrepared<Record<'key' | 'amount' | 'currency' | 'charged', string>>(target, undefined, text, [
    after ?? null,
    limit,
  ]);
  return rows.map(({ key, ...details }) => ({ key, subject: `payment:${key}`, details }));
}

/** A link that is to be worked on, and no worker has for a while. */
async function findStaleLink({ target, schema }: AnomalyPlace, after: string | undefined) {
  const link = await findLink(target, schema);
  if (link === undefined || after !== undefined || link.state === 'done' || link.state === 'paused') return [];
  if (Date.now() - link.updated_at.getTime() < staleLinkSeconds * 1_000) return [];
  const details = { state: link.state, updatedAt: link.updated_at.toISOString(), hold: link.hold?.reason ?? null };
  return [{ key: schema, subject: `schema:${schema}`, details }];
}
