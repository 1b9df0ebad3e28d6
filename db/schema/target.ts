import { bigint, boolean, index, jsonb, primaryKey, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core';
import { drover } from './drover.ts';

const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

/**
 * Which target row a source record became. Lives in the target's database, beside the rows it speaks of, and outlives
 * runs: it is the id mapping, and what makes a second load of the same record an update of the same row.
 */
export const identities = drover.table(
  'identities',
  {
    scope: text().notNull(),
    entity: text().notNull(),
    sourceId: text('source_id').notNull(),
    targetId: text('target_id').notNull(),
    /** True of a record merged into the row of another. */
    merged: boolean().notNull().default(false),
    hash: text().notNull(),
    runId: text('run_id').notNull(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
    /** Columns in which the last write kept the value of the row; see `Column.keepExisting`. */
    kept: text().array(),
    /** What the source had in the columns that are rights at the last write: a row with another value was changed since. */
    rights: jsonb(),
  },
  (table) => [
    primaryKey({ columns: [table.scope, table.entity, table.sourceId] }),
    // The target id first: beginning like the key, this index was taken for look-ups by source id while the table had no
    // statistics, and read a whole entity for each (measured: 1.4 ms a record instead of 0.02).
    index('identities_target').on(table.targetId, table.scope, table.entity),
  ],
);

/** The first write of a run to a target row, with what stood there before. Rollback reads nothing else. */
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
 * Up to which moment everything of an entity is in the target, one row for each run. Beside the rows it speaks of, so that a
 * rollback deletes both in one transaction. `watermark` is null until the run is finished.
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
    /** Beginning of the run's window; null when it read everything. */
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
