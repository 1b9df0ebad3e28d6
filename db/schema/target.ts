import { bigint, boolean, index, jsonb, primaryKey, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core';
import { drover } from './drover.ts';

const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

/**
 * The target row of each source record. Stored in the target's database, with the rows it describes, and kept beyond runs: it
 * is the id mapping, by which a second load of a record updates the same row.
 */
export const identities = drover.table(
  'identities',
  {
    scope: text().notNull(),
    entity: text().notNull(),
    sourceId: text('source_id').notNull(),
    targetId: text('target_id').notNull(),
    /** True for a record merged into the row of another. */
    merged: boolean().notNull().default(false),
    hash: text().notNull(),
    runId: text('run_id').notNull(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
    /** Columns in which the last write kept the value of the row; see `Column.keepExisting`. */
    kept: text().array(),
    /** The source's values of the columns that are rights at the last write: a row with another value was changed since. */
    rights: jsonb(),
  },
  (table) => [
    primaryKey({ columns: [table.scope, table.entity, table.sourceId] }),
    // The target id first: with the key's prefix, PostgreSQL used this index for look-ups by source id while the table had no
    // statistics, and read a whole entity for each (measured: 1.4 ms a record instead of 0.02).
    index('identities_target').on(table.targetId, table.scope, table.entity),
  ],
);

/** The first write of a run to a target row, with its previous contents. The only input of a rollback. */
export const changes = drover.table(
  'changes',
  {
    id: bigint({ mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity(),
    runId: text('run_id').notNull(),
    scope: text().notNull(),
    entity: text().notNull(),
    sourceId: text('source_id').notNull(),
    tableName: text('table_name').notNull(),
    targetId: text('target_id').notNull(),
    operation: text().notNull(),
    before: jsonb(),
    identityBefore: jsonb('identity_before'),
    at: instant('at').notNull().defaultNow(),
  },
  (table) => [uniqueIndex('changes_once').on(table.runId, table.entity, table.sourceId)],
);

/**
 * The time up to which all changes of an entity are in the target, one row for each run. Stored with the rows it describes, so
 * that a rollback deletes both in one transaction. `watermark` is null until the run is finished.
 */
export const watermarks = drover.table(
  'watermarks',
  {
    plan: text().notNull(),
    targetSchema: text('target_schema').notNull(),
    entity: text().notNull(),
    /** Hash of the source's address and parameters. */
    fingerprint: text().notNull(),
    runId: text('run_id').notNull(),
    /** Start of the run's window; null when it read everything. */
    since: text(),
    watermark: text(),
    begunAt: instant('begun_at').notNull().defaultNow(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.plan, table.targetSchema, table.entity, table.fingerprint, table.runId] })],
);

/** What sources put aside while they read; see `Workspace` of the plan's contract. Deleted when the run ends. */
export const workspaceRows = drover.table(
  'workspace_rows',
  {
    runId: text('run_id').notNull(),
    groupName: text('group_name').notNull(),
    rowName: text('row_name').notNull(),
    value: jsonb().notNull(),
    lowest: text().notNull(),
    highest: text().notNull(),
    at: instant('at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.runId, table.groupName, table.rowName] })],
);
