import type { Row } from '../sql.ts';

// What the process used since the heartbeat before is added to each run that was running meanwhile, in the statement
// that writes the new totals: sent twice, the second one adds nothing. Totals that fell are those of a new process under
// an old name (a container that was restarted), and count whole.
const since = (now: string, before: string): string =>
  `CASE WHEN ${now} >= ${before} THEN ${now} - ${before} ELSE ${now} END`;

const counted = (field: string): string =>
  since(`(t.now ->> '${field}')::bigint`, `coalesce((b.traffic -> t.upstream ->> '${field}')::bigint, 0)`);

/** Writes a heartbeat and shares out what was used since the last one. Values in the order of `beatValues`. */
export const beatStatement = `
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
  SELECT going.id, $1, greatest(0, extract(epoch FROM going.lasted) * 1000)::bigint, ${since('$10::bigint', 'b.cpu_ms')}, $6
  FROM going, b
  ON CONFLICT (run_id, worker) DO UPDATE SET observed_ms = u.observed_ms + excluded.observed_ms,
    cpu_ms = u.cpu_ms + excluded.cpu_ms, peak_rss_mb = greatest(u.peak_rss_mb, excluded.peak_rss_mb)
)
INSERT INTO drover.run_traffic AS u (run_id, worker, upstream, requests, failed, sent_bytes, received_bytes)
SELECT going.id, $1, t.upstream, ${counted('requests')}, ${counted('failed')}, ${counted('sentBytes')},
  ${counted('receivedBytes')}
FROM going, b, jsonb_each($12::jsonb) AS t (upstream, now)
WHERE b.traffic -> t.upstream IS DISTINCT FROM t.now
ON CONFLICT (run_id, worker, upstream) DO UPDATE SET requests = u.requests + excluded.requests,
  failed = u.failed + excluded.failed, sent_bytes = u.sent_bytes + excluded.sent_bytes,
  received_bytes = u.received_bytes + excluded.received_bytes`;

/** True when every worker that is alive was heard of since the moment given. */
export const heardStatement = `
SELECT coalesce(bool_and(seen_at >= $1), true) AS heard FROM drover.workers
WHERE seen_at > now() - interval '15 seconds'`;

export interface Heard extends Row {
  readonly heard: boolean;
}
