import { asc, desc, eq, lt, sql } from 'drizzle-orm';
import type { AuditEntry } from '../../src/contract/audit.ts';
import type { Database } from '../client.ts';
import { withDatabaseErrors } from '../errors.ts';
import { limits, queuePauses, workers } from '../schema/fleet.ts';
import { queryPrepared, type Row } from '../sql.ts';
import { appendAudit } from './audit.ts';

/** Times in milliseconds, memory in MB; `cpuMs` and `traffic` are counted from the start of the process. */
export type WorkerBeat = Omit<typeof workers.$inferInsert, 'startedAt' | 'seenAt'>;
export type WorkerRow = typeof workers.$inferSelect & {
  /** True with a heartbeat within the last 15 s, which is several intervals. */
  readonly alive: boolean;
};

export interface WorkerStore {
  /**
   * Writes a heartbeat, and adds the usage since the previous one to every running run. The first one also stores the start of
   * the process.
   */
  beat(worker: WorkerBeat): Promise<void>;
  /** The database's clock, by which heartbeats are dated. */
  now(): Promise<Date>;
  /** True when every live worker has written a heartbeat since then. */
  haveAllReportedSince(at: Date): Promise<boolean>;
  /** Removes a process that shuts down. */
  remove(id: string): Promise<void>;
  /** Workers with a heartbeat within the last hour, newest first. */
  list(): Promise<WorkerRow[]>;
}

export function createWorkerStore(database: Database): WorkerStore {
  return {
    beat: (worker) => beat(database, worker),
    now: async () => {
      const [row] = await queryPrepared<{ now: Date }>(database.$client, undefined, 'SELECT now()', []);
      return (row as { now: Date }).now;
    },
    haveAllReportedSince: async (at) => {
      const [row] = await queryPrepared<HeardRow>(database.$client, undefined, heardStatement, [at]);
      return row?.heard ?? true;
    },
    remove: async (id) => {
      await withDatabaseErrors(database.delete(workers).where(eq(workers.id, id)));
    },
    list: () => withDatabaseErrors(list(database)),
  };
}

async function beat(database: Database, worker: WorkerBeat): Promise<void> {
  const { id, host, pid, queues, concurrency, rssMb, loopLagMs, done } = worker;
  const { peakRssMb = rssMb, cpuMs = 0, cpuPercent = 0, traffic = {} } = worker;
  const about = [id, host, pid, queues, concurrency, rssMb, peakRssMb, loopLagMs, done];
  await queryPrepared(database.$client, 'worker_beat', beatStatement, [
    ...about,
    cpuMs,
    cpuPercent,
    JSON.stringify(traffic),
  ]);
}

async function list(database: Database): Promise<WorkerRow[]> {
  // Killed processes do not remove themselves; reading the list removes them.
  await database.delete(workers).where(lt(workers.seenAt, sql`now() - interval '1 hour'`));
  const rows = await database
    .select({ worker: workers, alive: sql<boolean>`${workers.seenAt} > now() - interval '15 seconds'` })
    .from(workers)
    .orderBy(desc(workers.startedAt), workers.id);
  return rows.map(({ worker, alive }) => ({ ...worker, alive }));
}

// The usage since the previous heartbeat is added to each run that was running meanwhile, by the statement that writes the
// new totals: repeated, it adds nothing. Lower totals are those of a new process under an old name (a restarted container),
// and count in full.
const increaseSql = (now: string, before: string): string =>
  `CASE WHEN ${now} >= ${before} THEN ${now} - ${before} ELSE ${now} END`;

const trafficIncreaseSql = (field: string): string =>
  increaseSql(`(t.now ->> '${field}')::bigint`, `coalesce((b.traffic -> t.upstream ->> '${field}')::bigint, 0)`);

/** Writes a heartbeat, and adds the usage since the previous one to the running runs. Values in the order of `beat`. */
const beatStatement = `
WITH b AS (
  SELECT coalesce(w.seen_at, now()) AS at, coalesce(w.cpu_ms, 0) AS cpu_ms, coalesce(w.traffic, '{}') AS traffic
  FROM (SELECT 1) one LEFT JOIN drover.workers w ON w.id = $1
), beat AS (
  INSERT INTO drover.workers (id, host, pid, queues, concurrency, rss_mb, peak_rss_mb, loop_lag_ms, done, cpu_ms,
    cpu_percent, traffic)
  VALUES ($1, $2, $3, $4::text[], $5, $6, $7, $8, $9, $10, $11, $12::jsonb)
  ON CONFLICT (id) DO UPDATE SET (host, pid, queues, concurrency, rss_mb, peak_rss_mb, loop_lag_ms, done, cpu_ms,
    cpu_percent, traffic, seen_at) = (excluded.host, excluded.pid, excluded.queues, excluded.concurrency,
    excluded.rss_mb, excluded.peak_rss_mb, excluded.loop_lag_ms, excluded.done, excluded.cpu_ms, excluded.cpu_percent,
    excluded.traffic, now())
), going AS (
  SELECT r.id, CASE WHEN r.status = 'running'
    THEN now() - greatest(r.status_at, b.at) ELSE least(r.status_at, now()) - b.at END AS lasted
  FROM drover.runs r, b
  WHERE r.status IN ('running', 'pausing', 'cancelling')
    OR (r.status IN ('paused', 'cancelled', 'failed') AND r.started_at IS NOT NULL AND r.status_at > b.at)
), used AS (
  INSERT INTO drover.run_usage AS u (run_id, worker, observed_ms, cpu_ms, peak_rss_mb)
  SELECT going.id, $1, greatest(0, extract(epoch FROM going.lasted) * 1000)::bigint, ${increaseSql('$10::bigint', 'b.cpu_ms')}, $6
  FROM going, b
  ON CONFLICT (run_id, worker) DO UPDATE SET observed_ms = u.observed_ms + excluded.observed_ms,
    cpu_ms = u.cpu_ms + excluded.cpu_ms, peak_rss_mb = greatest(u.peak_rss_mb, excluded.peak_rss_mb)
)
INSERT INTO drover.run_traffic AS u (run_id, worker, upstream, requests, failed, sent_bytes, received_bytes)
SELECT going.id, $1, t.upstream, ${trafficIncreaseSql('requests')}, ${trafficIncreaseSql('failed')}, ${trafficIncreaseSql('sentBytes')},
  ${trafficIncreaseSql('receivedBytes')}
FROM going, b, jsonb_each($12::jsonb) AS t (upstream, now)
WHERE b.traffic -> t.upstream IS DISTINCT FROM t.now
ON CONFLICT (run_id, worker, upstream) DO UPDATE SET requests = u.requests + excluded.requests,
  failed = u.failed + excluded.failed, sent_bytes = u.sent_bytes + excluded.sent_bytes,
  received_bytes = u.received_bytes + excluded.received_bytes`;

/** True when every live worker has sent a heartbeat since the given time. */
const heardStatement = `
SELECT coalesce(bool_and(seen_at >= $1), true) AS heard FROM drover.workers
WHERE seen_at > now() - interval '15 seconds'`;

interface HeardRow extends Row {
  readonly heard: boolean;
}

/** A limit set by an operator. Redis has the working copy, which is restored from here. */
export type StoredLimit = typeof limits.$inferSelect;

export interface LimitStore {
  list(): Promise<StoredLimit[]>;
  /** Sets the limit and writes its audit row, both or neither. */
  set(limit: Omit<StoredLimit, 'updatedAt'>, audit: AuditEntry): Promise<StoredLimit>;
}

export function createLimitStore(database: Database): LimitStore {
  return {
    list: () => withDatabaseErrors(database.select().from(limits).orderBy(asc(limits.upstream))),
    set: (limit, audit) => withDatabaseErrors(setLimit(database, limit, audit)),
  };
}

function setLimit(database: Database, limit: Omit<StoredLimit, 'updatedAt'>, audit: AuditEntry): Promise<StoredLimit> {
  return database.transaction(async (tx) => {
    const [row] = await tx
      .insert(limits)
      .values(limit)
      .onConflictDoUpdate({ target: limits.upstream, set: { ...limit, updatedAt: sql`now()` } })
      .returning();
    await appendAudit(tx, audit);
    return row as StoredLimit;
  });
}

/** A queue paused by an operator. After Redis was emptied, it is paused again from here. */
export type QueuePause = typeof queuePauses.$inferSelect;

export interface QueuePauseStore {
  list(): Promise<QueuePause[]>;
  /** Pauses the queue, or keeps an existing pause, and writes the audit row. */
  pause(pause: Omit<QueuePause, 'pausedAt'>, audit: AuditEntry): Promise<void>;
  resume(queue: string, audit: AuditEntry): Promise<void>;
}

export function createQueuePauseStore(database: Database): QueuePauseStore {
  return {
    list: () => withDatabaseErrors(database.select().from(queuePauses).orderBy(asc(queuePauses.queue))),
    pause: (pause, audit) =>
      withDatabaseErrors(
        database.transaction(async (tx) => {
          await tx.insert(queuePauses).values(pause).onConflictDoNothing();
          await appendAudit(tx, audit);
        }),
      ),
    resume: (queue, audit) =>
      withDatabaseErrors(
        database.transaction(async (tx) => {
          await tx.delete(queuePauses).where(eq(queuePauses.queue, queue));
          await appendAudit(tx, audit);
        }),
      ),
  };
}
