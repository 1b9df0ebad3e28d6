import { and, asc, eq, sql } from 'drizzle-orm';
import type pg from 'pg';
import type { Database } from '../../../db/client.ts';
import { withDatabaseErrors } from '../../../db/errors.ts';
import { audit } from '../../../db/schema/fleet.ts';
import { reports, runEntities, validations } from '../../../db/schema/runs.ts';
import { queryPrepared, type Row } from '../../../db/sql.ts';
import type { UpstreamTraffic } from '../../contract/metrics.ts';
import type { ReportEntry, ValidationCheck } from '../../contract/runs.ts';
import {
  countTriesByCode,
  readFailureGroups,
  readFailures,
  readNotes,
  readRawPayloads,
  readReusedTargetIds,
  readTries,
} from './records.sql.ts';
import type { ReportLedger, RunEvent, RunUsage, StoredReport, WorkerUsage } from './types.ts';

/** What reports read of the ledger, over the control database. */
export function createReportLedger(database: Database): ReportLedger {
  const pool = database.$client;
  return {
    troubleGroups: (runId) => readFailureGroups(pool, runId),
    troubles: (runId) => readFailures(pool, runId),
    tries: (runId) => readTries(pool, runId),
    notes: (runId) => readNotes(pool, runId),
    triesByCode: (runId, upstreams) => countTriesByCode(pool, runId, upstreams),
    usage: (runId) => readRunUsage(pool, runId),
    events: (runId) => readRunEvents(database, runId),
    raws: (runId, entity) => readRawPayloads(pool, runId, entity),
    reusedTargetIds: (runId, entity) => readReusedTargetIds(pool, runId, entity),
  };
}

// When the first record of an entity came and the last one was settled: its timing.
const timingsSql = `
SELECT r.entity, count(*)::int AS n, max(r.updated_at) AS last FROM drover.records r WHERE r.run_id = $1
GROUP BY r.entity`;

interface Timing extends Row {
  readonly entity: string;
  readonly n: number;
  readonly last: Date;
}

/** What happened to a run as a whole: requests of operators, validations, the extraction of each entity. */
async function readRunEvents(database: Database, runId: string): Promise<RunEvent[]> {
  const [requests, validated, extracted, timed] = await Promise.all([
    withDatabaseErrors(
      database
        .select()
        .from(audit)
        .where(eq(audit.subject, `run:${runId}`))
        .orderBy(asc(audit.id)),
    ),
    withDatabaseErrors(
      database.select().from(validations).where(eq(validations.runId, runId)).orderBy(asc(validations.id)),
    ),
    withDatabaseErrors(
      database.select().from(runEntities).where(eq(runEntities.runId, runId)).orderBy(asc(runEntities.position)),
    ),
    queryPrepared<Timing>(database.$client, undefined, timingsSql, [runId]),
  ]);
  return [
    ...requests.map(auditEvent),
    ...validated.flatMap(validationEvents),
    ...extracted.flatMap((entity) =>
      entityEvents(
        entity,
        timed.find((timing) => timing.entity === entity.entity),
      ),
    ),
  ].sort((a, b) => a.at.getTime() - b.at.getTime());
}

function auditEvent(row: typeof audit.$inferSelect): RunEvent {
  const reason = row.reason === null ? '' : `: ${row.reason}`;
  return { at: row.at, level: 'INFO', text: `${row.actor} (${row.role}) ${row.action}${reason}` };
}

function validationEvents(row: typeof validations.$inferSelect): RunEvent[] {
  const broken = (row.checks as ValidationCheck[]).filter((check) => !check.ok);
  const level = row.status === 'green' ? 'INFO' : 'ERROR';
  return [
    { at: row.at, level, text: `validation is ${row.status}, of data version ${row.dataVersion}` },
    ...broken.map((check): RunEvent => {
      const text = `validation: ${check.entity ?? '-'} ${check.name}: ${check.violations} of ${check.checked}: ${check.description}`;
      return { at: row.at, level: check.severity === 'error' ? 'ERROR' : 'WARNING', text };
    }),
  ];
}

function entityEvents(row: typeof runEntities.$inferSelect, timing: Timing | undefined): RunEvent[] {
  const says = row.sourceTotal === null ? '' : ` of ${row.sourceTotal}`;
  const text = `${row.entity}: ${timing?.n ?? 0}${says} records in ${row.pages} pages, extraction ${row.status}, ${row.repeated} repeated`;
  const problem = row.errorCode === null ? '' : `; ${row.errorCode}: ${row.errorMessage ?? ''}`;
  const at = timing?.last ?? row.dueAt;
  return [{ at, level: row.errorCode === null ? 'INFO' : 'ERROR', text: `${text}${problem}` }];
}

const workerUsageSql = `
SELECT worker, observed_ms::float8 AS "observedMs", cpu_ms::float8 AS "cpuMs", peak_rss_mb AS "peakRssMb"
FROM drover.run_usage WHERE run_id = $1 ORDER BY worker`;

const trafficSql = `
SELECT upstream, sum(requests)::float8 AS requests, sum(failed)::float8 AS failed,
  sum(sent_bytes)::float8 AS "sentBytes", sum(received_bytes)::float8 AS "receivedBytes"
FROM drover.run_traffic WHERE run_id = $1 GROUP BY upstream ORDER BY upstream`;

// A run that has not ended goes on until now.
const concurrentRunsSql = `
SELECT other.id FROM drover.runs r JOIN drover.runs other ON other.id <> r.id
  AND other.started_at < coalesce(r.finished_at, now()) AND coalesce(other.finished_at, now()) > r.started_at
WHERE r.id = $1 ORDER BY other.created_at, other.id`;

/** What worker processes used while the run was running. */
export async function readRunUsage(pool: pg.Pool, runId: string): Promise<RunUsage> {
  const [workers, traffic, others] = await Promise.all([
    queryPrepared<WorkerUsage & Row>(pool, undefined, workerUsageSql, [runId]),
    queryPrepared<UpstreamTraffic & Row>(pool, undefined, trafficSql, [runId]),
    queryPrepared<{ id: string }>(pool, undefined, concurrentRunsSql, [runId]),
  ]);
  return { workers, traffic, alongside: others.map((other) => other.id) };
}

export type ReportStore = ReturnType<typeof createReportStore>;

/** The small reports, kept in the control database, so that any process can serve them. */
export function createReportStore(database: Database) {
  return {
    save: async (runId: string, stored: readonly StoredReport[]): Promise<void> => {
      if (stored.length === 0) return;
      const fresh = { mediaType: sql`excluded.media_type`, content: sql`excluded.content`, createdAt: sql`now()` };
      await withDatabaseErrors(
        database
          .insert(reports)
          .values(stored.map((report) => ({ runId, ...report })))
          .onConflictDoUpdate({ target: [reports.runId, reports.name], set: fresh }),
      );
    },
    list: (runId: string): Promise<readonly ReportEntry[]> => {
      const bytes = sql<number>`octet_length(${reports.content})`;
      return withDatabaseErrors(
        database
          .select({ name: reports.name, mediaType: reports.mediaType, bytes })
          .from(reports)
          .where(eq(reports.runId, runId))
          .orderBy(asc(reports.name)),
      );
    },
    read: async (runId: string, name: string): Promise<StoredReport | undefined> => {
      const mine = and(eq(reports.runId, runId), eq(reports.name, name));
      const { mediaType, content } = reports;
      const columns = { name: reports.name, mediaType, content };
      const [row] = await withDatabaseErrors(database.select(columns).from(reports).where(mine));
      return row;
    },
  };
}
