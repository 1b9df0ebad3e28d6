import { bigint, index, integer, jsonb, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import { drover } from './drover.ts';

const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

/**
 * Every request that changes something at an API, stored before it is sent. A row is one request of one record:
 * the same parameters sent again are another attempt of it, under the same key or the next.
 */
export const intents = drover.table(
  'intents',
  {
    runId: text('run_id').notNull(),
    entity: text().notNull(),
    sourceId: text('source_id').notNull(),
    step: text().notNull(),
    /** Hash of the parameters. */
    fingerprint: text().notNull(),
    /** Part of the idempotency key: incremented when the old key would only replay the old answer. */
    version: integer().notNull().default(1),
    idempotencyKey: text('idempotency_key').notNull(),
    /** sent: in flight, or its result is unknown. answered, refused, faulted (a 5xx, which the upstream replays). */
    state: text().notNull(),
    attempts: integer().notNull().default(1),
    objectKind: text('object_kind').notNull(),
    objectId: text('object_id'),
    code: text(),
    worker: text().notNull(),
    /** When the current key was first used: upstreams discard keys after a day. */
    firstSentAt: instant('first_sent_at').notNull().defaultNow(),
    sentAt: instant('sent_at').notNull().defaultNow(),
    answeredAt: instant('answered_at'),
  },
  (table) => [primaryKey({ columns: [table.runId, table.entity, table.sourceId, table.step, table.fingerprint] })],
);

/** The state of an object at an API, or of a row of the source, before a run's first write to it. The only input of a rollback. */
export const beforeImages = drover.table(
  'before_images',
  {
    id: bigint({ mode: 'bigint' }).notNull().generatedAlwaysAsIdentity(),
    runId: text('run_id').notNull(),
    entity: text().notNull(),
    sourceId: text('source_id').notNull(),
    kind: text().notNull(),
    objectId: text('object_id').notNull(),
    operation: text().notNull(),
    /** Null for an object the run created. */
    before: jsonb(),
    /** SHA-256 of `before`, verified before it is restored. */
    hash: text().notNull(),
    /** The fields the run has written. */
    after: jsonb().notNull(),
    at: instant('at').notNull().defaultNow(),
    undoneAt: instant('undone_at'),
  },
  (table) => [
    primaryKey({ columns: [table.runId, table.entity, table.sourceId, table.kind, table.objectId] }),
    index('before_images_of_run').on(table.runId, table.id),
  ],
);

/** Rollbacks of runs that wrote to APIs: they take long, and their results outlive the process that carries them out. */
export const rollbacks = drover.table('rollbacks', {
  runId: text('run_id').primaryKey(),
  actor: text().notNull(),
  role: text().notNull(),
  reason: text().notNull(),
  /** working (interrupted when no session holds its lock), done, failed. */
  status: text().notNull(),
  removed: integer().notNull().default(0),
  restored: integer().notNull().default(0),
  /** [{entity, targetId, detail}] */
  conflicts: jsonb().notNull().default([]),
  error: text(),
  begunAt: instant('begun_at').notNull().defaultNow(),
  endedAt: instant('ended_at'),
});
