import type pg from 'pg';
import type { UpstreamTraffic } from '../../src/engine/control/contract.ts';
import type { RunUsage, WorkerUsage } from '../../src/engine/reports/ports.ts';
import { prepared, type Row } from '../sql.ts';

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
    prepared<WorkerUsage & Row>(pool, undefined, workerUsageSql, [runId]),
    prepared<UpstreamTraffic & Row>(pool, undefined, trafficSql, [runId]),
    prepared<{ id: string }>(pool, undefined, concurrentRunsSql, [runId]),
  ]);
  return { workers, traffic, alongside: others.map((other) => other.id) };
}
