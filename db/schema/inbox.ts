import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  index,
  integer,
  json,
  jsonb,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { drover } from './drover.ts';

const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

/** Numbers the reads of upstream objects in the order in which they began: the result of a later one is newer. */
export const inboxLooks = drover.sequence('inbox_looks');

/** Every event of an upstream, once, however often and in whatever order it was delivered. */
export const inbox = drover.table(
  'inbox',
  {
    provider: text().notNull(),
    /** The upstream's id, `evt_...`. */
    eventId: text('event_id').notNull(),
    /** In the order of their arrival, for lists. */
    seq: bigint({ mode: 'bigint' }).notNull().generatedAlwaysAsIdentity(),
    type: text().notNull(),
    /** The object it concerns. */
    objectId: text('object_id'),
    /** The connected account it happened in; null is our own. */
    account: text(),
    livemode: boolean().notNull(),
    /** The event as delivered, for types with a handler. As json, which accepts values that jsonb refuses. */
    payload: json(),
    /** pending; applied; ignored; failed: the last attempt failed, and the next is at `due_at`. */
    state: text().notNull(),
    attempts: integer().notNull().default(0),
    code: text(),
    message: text(),
    /** A description of its effect. */
    effect: text(),
    /** By the upstream's clock. */
    happenedAt: instant('happened_at').notNull(),
    receivedAt: instant('received_at').notNull().defaultNow(),
    /** Null when it is not processed again. */
    dueAt: instant('due_at'),
    settledAt: instant('settled_at'),
    leaseToken: text('lease_token'),
    leaseUntil: instant('lease_until'),
  },
  (table) => [
    primaryKey({ columns: [table.provider, table.eventId] }),
    uniqueIndex('inbox_seq').on(table.seq),
    // Without settled events, so it stays as small as the pending work.
    index('inbox_due').on(table.dueAt).where(sql`due_at IS NOT NULL`),
  ],
);

/** The last known state of an object that a migrated row names, and where it differs from the row. */
export const observations = drover.table(
  'observations',
  {
    provider: text().notNull(),
    /** `product`. */
    kind: text().notNull(),
    objectId: text('object_id').notNull(),
    plan: text().notNull(),
    entity: text().notNull(),
    targetSchema: text('target_schema').notNull(),
    sourceId: text('source_id').notNull(),
    targetId: text('target_id').notNull(),
    /** As the upstream returned it; null when it no longer exists. */
    state: jsonb(),
    /** Fields in which it differs from the row. */
    differs: text().array().notNull(),
    /** A number of `inbox_looks`. */
    look: bigint({ mode: 'bigint' }).notNull(),
    /** How many events were applied to it. */
    events: integer().notNull(),
    observedAt: instant('observed_at').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.provider, table.kind, table.objectId] })],
);
