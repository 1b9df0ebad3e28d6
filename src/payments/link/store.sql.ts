import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { type Queryable, queryPrepared } from '../../../db/sql.ts';
import type { Hold, LinkState, LinkView, OwnersTrigger } from '../../contract/bookings.ts';
import { DroverError } from '../../errors.ts';
import { literal, qualified } from '../../plan/sql.ts';
import { tableOf } from './statements.ts';
import type { BookingsTable } from './types.ts';

/** The row of `booking_link`. */
export interface LinkRow extends Record<string, unknown> {
  readonly bookings: BookingsTable;
  readonly state: LinkState;
  readonly paused_in: LinkState | null;
  readonly up_to: string | null;
  readonly after: string | null;
  readonly passed: string;
  readonly batch_size: number;
  readonly hold: Hold | null;
  readonly last_error: string | null;
  readonly started_at: Date;
  readonly updated_at: Date;
  readonly finished_at: Date | null;
}

const linkOf = (schema: string): string => qualified(schema, 'booking_link');

/** The link of a schema; undefined when none was started. */
export async function findLink(client: Queryable, schema: string): Promise<LinkRow | undefined> {
  const [there] = await queryPrepared<{ there: boolean }>(
    client,
    undefined,
    'SELECT to_regclass($1) IS NOT NULL AS there',
    [linkOf(schema)],
  );
  if (!there?.there) return undefined;
  return (await queryPrepared<LinkRow>(client, undefined, `SELECT * FROM ${linkOf(schema)}`, []))[0];
}

const leaseMs = 30_000;

/** Claims the link when there is work on it and no other process holds it. Answers the token of the lease. */
export async function claimLink(pool: pg.Pool, schema: string): Promise<string | undefined> {
  const token = randomUUID();
  const text = `UPDATE ${linkOf(schema)} SET lease_token = $1, lease_until = now() + $2 * interval '1 millisecond'
    WHERE state IN ('filling', 'indexing', 'validating') AND (lease_until IS NULL OR lease_until < now()) RETURNING 1`;
  return (await queryPrepared(pool, undefined, text, [token, leaseMs])).length === 1 ? token : undefined;
}

export interface LinkChange {
  readonly state?: LinkState;
  readonly after?: string | null;
  /** Added to what was passed. */
  readonly passed?: number;
  readonly batchSize?: number;
  readonly hold?: Hold | null;
  readonly lastError?: string | null;
}

/** Writes progress while the lease holds and renews it; false when another process has the link, or it was paused or removed. */
export async function saveProgress(
  client: Queryable,
  schema: string,
  token: string,
  from: LinkState,
  { state, after, passed = 0, batchSize, hold = null, lastError = null }: LinkChange,
): Promise<boolean> {
  const text = `UPDATE ${linkOf(schema)} SET state = coalesce($3, state), after = CASE WHEN $4 THEN $5 ELSE after END,
      passed = passed + $6, batch_size = coalesce($7, batch_size), hold = $8, last_error = $9, updated_at = now(),
      finished_at = CASE WHEN $3 = 'done' THEN now() END, lease_until = now() + $10 * interval '1 millisecond'
    WHERE lease_token = $1 AND state = $2 RETURNING 1`;
  const values = [
    ...[token, from, state ?? null, after !== undefined, after ?? null, passed, batchSize ?? null],
    ...[hold === null ? null : JSON.stringify(hold), lastError, leaseMs],
  ];
  return (await queryPrepared(client, undefined, text, values)).length === 1;
}

/** Gives the link back, so that another process need not wait for the end of the lease. */
export async function releaseLink(pool: pg.Pool, schema: string, token: string): Promise<void> {
  const text = `UPDATE ${linkOf(schema)} SET lease_token = NULL, lease_until = NULL WHERE lease_token = $1`;
  await queryPrepared(pool, undefined, text, [token]);
}

/** Pauses or resumes; false when the link is not in a state for it. */
export async function setPaused(pool: pg.Pool, schema: string, paused: boolean): Promise<boolean> {
  const text = paused
    ? `UPDATE ${linkOf(schema)} SET paused_in = state, state = 'paused', updated_at = now()
       WHERE state IN ('filling', 'indexing', 'validating') RETURNING 1`
    : `UPDATE ${linkOf(schema)} SET state = paused_in, paused_in = NULL, updated_at = now() WHERE state = 'paused' RETURNING 1`;
  return (await queryPrepared(pool, undefined, text, [])).length === 1;
}

interface TableRow extends Record<string, unknown> {
  readonly schema: string;
  readonly name: string;
  readonly types: Readonly<Record<string, string>>;
  readonly rows: number;
  readonly is_subscribed: boolean;
}

/** How the columns of a bookings table are called; see the plan's parameters. */
export interface BookingsNames {
  readonly table: string;
  readonly key: string;
  readonly contact: string;
  readonly createdAt: string;
}

/**
 * The bookings table in the target's database. Throws CONFIGURATION when it is not there: then the bookings are in another
 * database, where they cannot point at users of this one.
 */
export async function describeBookings(
  client: Queryable,
  { table, key, contact, createdAt }: BookingsNames,
): Promise<{ readonly table: BookingsTable; readonly estimatedRows: number; readonly columns: readonly string[] }> {
  const text = `SELECT n.nspname AS schema, c.relname AS name, greatest(c.reltuples, 0)::float8 AS rows,
      (SELECT json_object_agg(a.attname, format_type(a.atttypid, NULL)) FROM pg_attribute a
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS types
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND c.oid = CASE WHEN position('.' IN $1) > 0
      THEN to_regclass(format('%I.%I', split_part($1, '.', 1), split_part($1, '.', 2))) ELSE to_regclass(quote_ident($1)) END`;
  const [found] = await queryPrepared<TableRow>(client, undefined, text, [table]);
  if (found === undefined) {
    throw new DroverError('CONFIGURATION', `the target database has no table ${table}`, {
      remedy:
        'A link needs bookings and users in one database: set TARGET_DATABASE_URL to the database of the bookings, run the plan there, then link.',
    });
  }
  const missing = [key, contact, createdAt].filter((name) => found.types[name] === undefined);
  if (missing.length > 0) throw new DroverError('CONFIGURATION', `table ${table} has no column ${missing.join(', ')}`);
  return {
    table: {
      ...{ schema: found.schema, name: found.name, key, contact, createdAt },
      ...{ keyType: found.types[key] ?? 'text', contactType: found.types[contact] ?? 'text' },
    },
    estimatedRows: found.rows,
    columns: Object.keys(found.types),
  };
}

/** Row and statement triggers of the owner that fire when a row's `user_id` is written. */
export async function ownersTriggers(client: Queryable, table: BookingsTable): Promise<readonly OwnersTrigger[]> {
  const text = `SELECT t.tgname AS name, pg_get_triggerdef(t.oid) AS definition FROM pg_trigger t
    WHERE t.tgrelid = to_regclass($1) AND NOT t.tgisinternal AND t.tgname NOT LIKE 'drover\\_%' AND t.tgenabled <> 'D'
      AND t.tgtype & 16 <> 0 AND (cardinality(t.tgattr) = 0 OR EXISTS (
        SELECT FROM pg_attribute a WHERE a.attrelid = t.tgrelid AND a.attnum = ANY (t.tgattr) AND a.attname = 'user_id'))
    ORDER BY t.tgname`;
  return queryPrepared<OwnersTrigger & Record<string, unknown>>(client, undefined, text, [tableOf(table)]);
}

/** True when the index is there and invalid, as an interrupted CREATE INDEX CONCURRENTLY leaves it. */
export async function isIndexInvalid(client: Queryable, table: BookingsTable, index: string): Promise<boolean> {
  const text = `SELECT NOT i.indisvalid AS invalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = to_regclass($1) AND c.relname = $2`;
  const [row] = await queryPrepared<{ invalid: boolean }>(client, undefined, text, [tableOf(table), index]);
  return row?.invalid === true;
}

/** True when the table has the constraint. */
export async function hasConstraint(client: Queryable, table: BookingsTable, name: string): Promise<boolean> {
  const text = `SELECT 1 FROM pg_constraint WHERE conrelid = to_regclass($1) AND conname = ${literal(name)}`;
  return (await queryPrepared(client, undefined, text, [tableOf(table)])).length === 1;
}

/** The link as the API shows it. */
export async function viewLink(pool: pg.Pool, schema: string, row: LinkRow): Promise<LinkView> {
  const name = tableOf(row.bookings);
  const text = `SELECT coalesce((SELECT sum(bookings) FROM ${qualified(schema, 'user_statistics')} WHERE currency = ''), 0)::float8 AS linked,
    (SELECT greatest(reltuples, 0)::float8 FROM pg_class WHERE oid = to_regclass($1)) AS rows`;
  const [sums] = await queryPrepared<{ linked: number; rows: number | null }>(pool, undefined, text, [name]);
  return {
    targetSchema: schema,
    table: `${row.bookings.schema}.${row.bookings.name}`,
    state: row.state,
    pausedIn: row.paused_in,
    linked: sums?.linked ?? 0,
    passed: Number(row.passed),
    estimatedRows: sums?.rows ?? 0,
    batchSize: row.batch_size,
    hold: row.hold,
    lastError: row.last_error,
    startedAt: row.started_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    finishedAt: row.finished_at?.toISOString() ?? null,
  };
}
