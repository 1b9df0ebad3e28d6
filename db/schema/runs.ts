import { sql } from 'drizzle-orm';
import { bigint, boolean, index, integer, jsonb, primaryKey, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core';
import type { BatchTuning } from '../../src/contract/runs.ts';
import { drover } from './drover.ts';

const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

/** One execution of a plan. Only records of a run with status `running` are processed. */
export const runs = drover.table(
  'runs',
  {
    id: text().primaryKey(),
    plan: text().notNull(),
    version: text().notNull(),
    strategy: text().notNull(),
    dryRun: boolean('dry_run').notNull(),
    status: text().notNull(),
    reason: text(),
    targetSchema: text('target_schema').notNull(),
    batchSize: integer('batch_size').notNull(),
    /** Measurements of each stage; null for a run with a fixed batch size. */
    batchTuning: jsonb('batch_tuning').$type<BatchTuning>(),
    maxFailurePercent: integer('max_failure_percent').notNull(),
    skipExisting: boolean('skip_existing').notNull(),
    exportOnly: boolean('export_only').notNull(),
    scope: jsonb().$type<{ since?: string; until?: string; ids?: readonly string[]; trial?: number }>().notNull(),
    params: jsonb().$type<Record<string, unknown>>().notNull(),
    stamp: text().notNull(),
    createdBy: text('created_by').notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
    startedAt: instant('started_at'),
    finishedAt: instant('finished_at'),
    statusAt: instant('status_at').notNull().defaultNow(),
    rolledBackAt: instant('rolled_back_at'),
    /** When the raw and clean payloads of its records were purged. */
    purgedAt: instant('purged_at'),
    /** Lease of the process that writes reports and validates, so that only one does. */
    finishingBy: text('finishing_by'),
    finishingUntil: instant('finishing_until'),
    /** Failed attempts to finish it since `status_at`, those that waited for PostgreSQL or Redis excluded. */
    finishAttempts: integer('finish_attempts').notNull().default(0),
    /** Why the last of them failed; of no meaning when `finish_failed_at` is before `status_at`. */
    finishError: text('finish_error'),
    finishFailedAt: instant('finish_failed_at'),
  },
  (table) => [
    index('runs_status').on(table.status),
    index('runs_created').on(table.createdAt, table.id),
    // Two runs of a plan into one schema would overwrite each other; of several started at once, one succeeds.
    uniqueIndex('runs_one_active')
      .on(table.plan, table.targetSchema)
      .where(
        sql`status IN ('pending', 'running', 'pausing', 'paused', 'cancelling') AND NOT dry_run AND NOT export_only`,
      ),
  ],
);

/** The extraction of one entity of one run. The cursor advances in the transaction that stores the page. */
export const runEntities = drover.table(
  'run_entities',
  {
    runId: text('run_id').notNull(),
    entity: text().notNull(),
    position: integer().notNull(),
    status: text().notNull(),
    cursor: jsonb(),
    pages: integer().notNull().default(0),
    rescans: integer().notNull().default(0),
    repeated: integer().notNull().default(0),
    sourceTotal: integer('source_total'),
    watermark: text(),
    epoch: integer().notNull().default(0),
    attempts: integer().notNull().default(0),
    dispatchedAt: instant('dispatched_at'),
    dueAt: instant('due_at').notNull().defaultNow(),
    mergedAt: instant('merged_at'),
    /** True once its parents are settled and merges are decided: its records may be loaded. */
    loadOpen: boolean('load_open').notNull().default(false),
    errorCode: text('error_code'),
    errorMessage: text('error_message'),
  },
  (table) => [primaryKey({ columns: [table.runId, table.entity] })],
);

/**
 * The ledger: every record of every run with its state. Narrow on purpose: each row is rewritten three times, so payloads
 * are in separate tables.
 */
export const records = drover.table(
  'records',
  {
    id: bigint({ mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity(),
    runId: text('run_id').notNull(),
    entity: text().notNull(),
    sourceId: text('source_id').notNull(),
    stage: text().notNull(),
    status: text().notNull(),
    code: text(),
    field: text(),
    message: text(),
    targetId: text('target_id'),
    attempts: integer().notNull().default(0),
    epoch: integer().notNull().default(0),
    dispatchedAt: instant('dispatched_at'),
    dueAt: instant('due_at').notNull().defaultNow(),
    leaseUntil: instant('lease_until'),
    leaseToken: text('lease_token'),
    mergeKey: text('merge_key'),
    mergeRank: text('merge_rank'),
    mergedInto: bigint('merged_into', { mode: 'bigint' }),
    blockedBy: bigint('blocked_by', { mode: 'bigint' }),
    /** Minor units; summed by currency and status. */
    amount: bigint({ mode: 'bigint' }),
    currency: text(),
    amountStatus: text('amount_status'),
    hash: text(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [uniqueIndex('records_identity').on(table.runId, table.entity, table.sourceId)],
);

/** The raw record of the source. Written once, with the ledger row. */
export const payloads = drover.table('payloads', {
  recordId: bigint('record_id', { mode: 'bigint' }).primaryKey(),
  raw: jsonb().notNull(),
});

/** The result of the transform: columns, references by source id, notes. Contains no secrets. */
export const cleans = drover.table('cleans', {
  recordId: bigint('record_id', { mode: 'bigint' }).primaryKey(),
  clean: jsonb().notNull(),
});

/** Every failed attempt of a record. */
export const tries = drover.table(
  'tries',
  {
    id: bigint({ mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity(),
    recordId: bigint('record_id', { mode: 'bigint' }).notNull(),
    runId: text('run_id').notNull(),
    entity: text().notNull(),
    stage: text().notNull(),
    epoch: integer().notNull(),
    status: text().notNull(),
    code: text().notNull(),
    field: text(),
    message: text().notNull(),
    worker: text().notNull(),
    at: instant('at').notNull().defaultNow(),
  },
  (table) => [index('tries_record').on(table.recordId), index('tries_run').on(table.runId, table.id)],
);

/** Number of records by state, maintained by a trigger on `records` in several slots, so that workers do not wait for one row. */
export const counts = drover.table(
  'counts',
  {
    runId: text('run_id').notNull(),
    entity: text().notNull(),
    stage: text().notNull(),
    status: text().notNull(),
    slot: integer().notNull(),
    n: bigint({ mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.runId, table.entity, table.stage, table.status, table.slot] })],
);

/** Samples of the number of records done; the basis of rate and ETA. */
export const samples = drover.table(
  'samples',
  {
    runId: text('run_id').notNull(),
    at: instant('at').notNull(),
    done: bigint({ mode: 'number' }).notNull(),
    total: bigint({ mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.runId, table.at] })],
);

export const validations = drover.table(
  'validations',
  {
    id: bigint({ mode: 'bigint' }).primaryKey().generatedAlwaysAsIdentity(),
    runId: text('run_id').notNull(),
    at: instant('at').notNull().defaultNow(),
    dataVersion: text('data_version').notNull(),
    status: text().notNull(),
    checks: jsonb().notNull(),
  },
  (table) => [index('validations_run').on(table.runId, table.id)],
);

export const reports = drover.table(
  'reports',
  {
    runId: text('run_id').notNull(),
    name: text().notNull(),
    mediaType: text('media_type').notNull(),
    content: text().notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.runId, table.name] })],
);
