import { bigint, index, integer, jsonb, primaryKey, text, timestamp } from 'drizzle-orm/pg-core';
import { drover } from './drover.ts';

const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' });

/** Facts the whole fleet shares; `redis_id` distinguishes a new, empty Redis from the known one. */
export const fleet = drover.table('fleet', {
  key: text().primaryKey(),
  value: text().notNull(),
  updatedAt: instant('updated_at').notNull().defaultNow(),
});

/** Requests to an upstream and their bytes on the wire, headers included. */
export interface Traffic {
  readonly requests: number;
  /** Requests without an answer or refused by the upstream; a 404 is not a failure. */
  readonly failed: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** Worker processes by heartbeat. Their usage is counted from the start of the process; see `run_usage`. */
export const workers = drover.table('workers', {
  id: text().primaryKey(),
  host: text().notNull(),
  pid: integer().notNull(),
  queues: text().array().notNull(),
  concurrency: integer().notNull(),
  rssMb: integer('rss_mb').notNull(),
  loopLagMs: integer('loop_lag_ms').notNull(),
  done: bigint({ mode: 'number' }).notNull(),
  peakRssMb: integer('peak_rss_mb').notNull().default(0),
  /** Processor time of the process since its start, threads included. */
  cpuMs: bigint('cpu_ms', { mode: 'number' }).notNull().default(0),
  /** Percent of one core, since the previous heartbeat. */
  cpuPercent: integer('cpu_percent').notNull().default(0),
  /** Its requests to each upstream since it started. */
  traffic: jsonb().$type<Readonly<Record<string, Traffic>>>().notNull().default({}),
  startedAt: instant('started_at').notNull().defaultNow(),
  seenAt: instant('seen_at').notNull().defaultNow(),
});

/** Usage of a worker process while a run was running. Increased by each heartbeat, and kept after the process ended. */
export const runUsage = drover.table(
  'run_usage',
  {
    runId: text('run_id').notNull(),
    worker: text().notNull(),
    /** How long the process was alive while the run was running. */
    observedMs: bigint('observed_ms', { mode: 'number' }).notNull(),
    cpuMs: bigint('cpu_ms', { mode: 'number' }).notNull(),
    peakRssMb: integer('peak_rss_mb').notNull(),
  },
  (table) => [primaryKey({ columns: [table.runId, table.worker] })],
);

/** Requests of a worker process to an upstream while a run was running. */
export const runTraffic = drover.table(
  'run_traffic',
  {
    runId: text('run_id').notNull(),
    worker: text().notNull(),
    upstream: text().notNull(),
    requests: bigint({ mode: 'number' }).notNull(),
    failed: bigint({ mode: 'number' }).notNull(),
    sentBytes: bigint('sent_bytes', { mode: 'number' }).notNull(),
    receivedBytes: bigint('received_bytes', { mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.runId, table.worker, table.upstream] })],
);

/** Limits set by operators; they outlive Redis, which has the working copy. */
export const limits = drover.table('limits', {
  upstream: text().primaryKey(),
  maxRps: integer('max_rps').notNull(),
  reason: text().notNull(),
  updatedBy: text('updated_by').notNull(),
  updatedAt: instant('updated_at').notNull().defaultNow(),
});

/** Queues paused by operators. */
export const queuePauses = drover.table('queue_pauses', {
  queue: text().primaryKey(),
  reason: text().notNull(),
  pausedBy: text('paused_by').notNull(),
  pausedAt: instant('paused_at').notNull().defaultNow(),
});

/** API keys: only the SHA-256 of the secret is stored. */
export const keys = drover.table('keys', {
  id: text().primaryKey(),
  name: text().notNull(),
  role: text().notNull(),
  secretHash: text('secret_hash').notNull(),
  createdBy: text('created_by').notNull(),
  createdAt: instant('created_at').notNull().defaultNow(),
  expiresAt: instant('expires_at'),
  revokedAt: instant('revoked_at'),
  lastUsedAt: instant('last_used_at'),
});

/** The audit log: actor, action and reason. Append-only; each row contains the hash of the previous row. */
export const audit = drover.table(
  'audit',
  {
    id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    at: instant('at').notNull().defaultNow(),
    actor: text().notNull(),
    role: text().notNull(),
    action: text().notNull(),
    subject: text().notNull(),
    reason: text(),
    details: jsonb().$type<Record<string, unknown>>().notNull(),
    previousHash: text('previous_hash').notNull(),
    hash: text().notNull(),
  },
  (table) => [index('audit_subject').on(table.subject, table.id)],
);

/** Answers to POSTs by their Idempotency-Key, so that a repeated request gets the first answer. */
export const idempotency = drover.table(
  'idempotency',
  {
    actor: text().notNull(),
    key: text().notNull(),
    requestHash: text('request_hash').notNull(),
    status: integer(),
    body: jsonb(),
    createdAt: instant('created_at').notNull().defaultNow(),
    /** Set in the transaction of the change, so that a request without an answer is known to have taken effect or not. */
    changedAt: instant('changed_at'),
  },
  (table) => [primaryKey({ columns: [table.actor, table.key] })],
);

/** Browser sessions that were signed out before they expired: their cookies are refused. */
export const endedSessions = drover.table('ended_sessions', {
  id: text().primaryKey(),
  /** When the cookie expires by itself, and the row may be deleted. */
  expiresAt: instant('expires_at').notNull(),
});
