import { sql } from 'drizzle-orm';
import { bigint, boolean, index, jsonb, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core';
import { drover } from './drover.ts';

const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

/**
 * Every exchange of a table set, a `cutover` or its `rollback`, by its stamp. Stored in the target's database: the row is
 * written by the transaction that exchanges the tables, so both are committed or neither is.
 */
export const cutovers = drover.table(
  'cutovers',
  {
    stamp: text().primaryKey(),
    name: text().notNull(),
    kind: text().notNull(),
    /** preparing, held, done, failed, abandoned; then restored or dropped, for the backup. */
    status: text().notNull(),
    /** Set while it may still exchange tables; unique, so there is at most one. */
    active: text(),
    /** For a rollback: the stamp of the cutover it undoes. */
    ofStamp: text('of_stamp'),
    spec: jsonb().$type<Record<string, unknown>>().notNull(),
    /** The previous schema of each table, and the schema of the table it replaced. */
    tables: jsonb().$type<readonly Record<string, unknown>[]>().notNull(),
    reason: text().notNull(),
    actor: text().notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
    swappedAt: instant('swapped_at'),
    result: jsonb().$type<Record<string, unknown>>(),
  },
  (table) => [
    uniqueIndex('cutovers_one_at_a_time').on(table.active).where(sql`active is not null`),
    index('cutovers_of_name').on(table.name, table.stamp),
  ],
);

/** Writes to live tables since a cutover, recorded by its triggers. A rollback applies them to the restored tables. */
export const cutoverChanges = drover.table(
  'cutover_changes',
  {
    id: bigint({ mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity(),
    stamp: text().notNull(),
    schemaName: text('schema_name').notNull(),
    tableName: text('table_name').notNull(),
    operation: text().notNull(),
    old: jsonb(),
    new: jsonb(),
    at: instant('at').notNull().default(sql`clock_timestamp()`),
    /** Stamps whose backup contains this change already. */
    carriedInto: text('carried_into').array().notNull().default(sql`'{}'`),
    /** The transaction that wrote it, whatever subtransaction it was in; null in rows of before migration 0018. */
    transactionId: bigint('transaction_id', { mode: 'bigint' }),
    /** File and place of the row version before and after: what orders the changes of one transaction. */
    oldAt: text('old_at'),
    newAt: text('new_at'),
    /** Values that JSON does not keep exactly are in `old` and `new` as PostgreSQL's text. */
    asText: boolean('as_text').notNull().default(false),
  },
  (table) => [
    index('cutover_changes_of_table').on(table.schemaName, table.tableName, table.id),
    index('cutover_changes_of_transaction').on(table.transactionId),
    // Changes to be applied under the locks are found by this index, however many were applied before.
    index('cutover_changes_waiting').on(table.id).where(sql`carried_into = '{}'`),
  ],
);
