import type pg from 'pg';
import { queryPrepared } from '../../../db/sql.ts';

// A valid lease means that a worker is processing the record, however long that takes. SKIP LOCKED: so does a row lock, and
// one whose holder was stopped must not delay the sweep of the rest.
const sweepSql = `
WITH old AS (
  SELECT id FROM drover.records
  WHERE status = 'pending' AND dispatched_at < now() - $1 * interval '1 millisecond'
    AND (lease_until IS NULL OR lease_until < now())
    AND run_id IN (SELECT id FROM drover.runs WHERE status = 'running')
  FOR UPDATE SKIP LOCKED
), swept AS (
  UPDATE drover.records r SET dispatched_at = NULL FROM old WHERE r.id = old.id RETURNING 1
), unread AS (
  SELECT run_id, entity FROM drover.run_entities
  WHERE status = 'reading' AND dispatched_at < now() - $1 * interval '1 millisecond'
  FOR UPDATE SKIP LOCKED
), extractions AS (
  UPDATE drover.run_entities e SET dispatched_at = NULL FROM unread u
  WHERE e.run_id = u.run_id AND e.entity = u.entity RETURNING 1
)
SELECT (SELECT count(*) FROM swept)::int + (SELECT count(*) FROM extractions)::int AS n`;

/** Recovers records and extractions dispatched longer ago than `ageMs`: lost before the queue, or with a worker; returns how many. */
export async function sweep(pool: pg.Pool, ageMs: number): Promise<number> {
  const rows = await queryPrepared<{ n: number }>(pool, 'sweep', sweepSql, [ageMs]);
  return rows[0]?.n ?? 0;
}

const resetDispatchedSql = `
WITH records AS (
  UPDATE drover.records SET dispatched_at = NULL WHERE status = 'pending' AND dispatched_at IS NOT NULL
    AND run_id IN (SELECT id FROM drover.runs WHERE status IN ('running', 'pausing', 'cancelling')) RETURNING 1
), extractions AS (
  UPDATE drover.run_entities SET dispatched_at = NULL WHERE status = 'reading' AND dispatched_at IS NOT NULL RETURNING 1
)
SELECT (SELECT count(*) FROM records)::int + (SELECT count(*) FROM extractions)::int AS n`;

/** Recovers everything that was dispatched, for a Redis that is new and holds none of it; returns how many. */
export async function resetDispatched(pool: pg.Pool): Promise<number> {
  const rows = await queryPrepared<{ n: number }>(pool, 'forget', resetDispatchedSql, []);
  return rows[0]?.n ?? 0;
}

const inFlightSql = `
SELECT (SELECT count(*) FROM drover.records WHERE run_id = $1 AND status = 'pending'
    AND (dispatched_at IS NOT NULL OR lease_until > now()))::int
  + (SELECT count(*) FROM drover.run_entities WHERE run_id = $1 AND status = 'reading' AND dispatched_at IS NOT NULL)::int AS n`;

/** Number of a run's records and extractions that are queued or held by workers. */
export async function countInFlight(pool: pg.Pool, runId: string): Promise<number> {
  const rows = await queryPrepared<{ n: number }>(pool, 'in_flight', inFlightSql, [runId]);
  return rows[0]?.n ?? 0;
}

const fenceSql = `
WITH records AS (
  UPDATE drover.records SET dispatched_at = NULL, epoch = epoch + 1
  WHERE run_id = $1 AND status = 'pending' AND dispatched_at IS NOT NULL
)
UPDATE drover.run_entities SET dispatched_at = NULL, epoch = epoch + 1
WHERE run_id = $1 AND status = 'reading' AND dispatched_at IS NOT NULL`;

/** Recovers all records and extractions of a run under a new epoch: outcomes under the old one are refused. */
export async function fenceRun(pool: pg.Pool, runId: string): Promise<void> {
  await queryPrepared(pool, 'fence', fenceSql, [runId]);
}
