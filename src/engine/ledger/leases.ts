import type pg from 'pg';
import { queryPrepared } from '../../../db/sql.ts';
import { runAcceptsWritesSql } from './run-guard.sql.ts';
import type { RecordRef } from './types.ts';

// Leases of other workers expire by themselves: their holder may be alive, whatever the reason of the release.
const releaseSql = `
UPDATE drover.records r SET dispatched_at = NULL,
  lease_until = CASE WHEN r.lease_token = $3 THEN NULL ELSE r.lease_until END, lease_token = nullif(r.lease_token, $3)
FROM unnest($1::bigint[], $2::int[]) AS i(id, epoch)
WHERE r.id = i.id AND r.epoch = i.epoch AND r.status = 'pending'`;

/** Returns records undone and ends the lease named by `token`; they are dispatched again when their run is running. */
export async function releaseRecords(pool: pg.Pool, refs: readonly RecordRef[], token?: string): Promise<void> {
  if (refs.length === 0) return;
  const values = [refs.map((ref) => ref.id), refs.map((ref) => ref.epoch), token ?? null];
  await queryPrepared(pool, 'release', releaseSql, values);
}

const claimSql = `
UPDATE drover.records r SET lease_token = $3, lease_until = now() + $4 * interval '1 millisecond'
FROM unnest($1::bigint[], $2::int[]) AS i(id, epoch)
WHERE r.id = i.id AND r.epoch = i.epoch AND r.status = 'pending'
  AND (r.lease_until IS NULL OR r.lease_until < now() OR r.lease_token = $3)
RETURNING r.id::text AS id, r.epoch`;

/** Takes a lease of `leaseMs` on the records that no other worker holds, by PostgreSQL's clock; returns those granted. */
export async function claimRecords(
  pool: pg.Pool,
  refs: readonly RecordRef[],
  token: string,
  leaseMs: number,
): Promise<RecordRef[]> {
  const values = [refs.map((ref) => ref.id), refs.map((ref) => ref.epoch), token, leaseMs];
  return queryPrepared<{ id: string; epoch: number }>(pool, 'claim', claimSql, values);
}

const recordLostWorkerSql = `
WITH hit AS (
  UPDATE drover.records r SET
    attempts = r.attempts + $5::int, updated_at = now(), dispatched_at = now(),
    status = CASE WHEN $5 > 0 AND r.attempts + $5 >= $3 THEN 'failed' ELSE r.status END,
    code = 'WORKER_LOST', message = 'the worker that held this record died or stopped answering',
    epoch = r.epoch + CASE WHEN $5 > 0 AND r.attempts + $5 >= $3 THEN 1 ELSE 0 END
  FROM unnest($1::bigint[], $2::int[]) AS i(id, epoch), drover.runs run
  WHERE r.id = i.id AND r.epoch = i.epoch AND r.status = 'pending'
    AND run.id = r.run_id AND ${runAcceptsWritesSql}
  RETURNING r.*
), noted AS (
  INSERT INTO drover.tries (record_id, run_id, entity, stage, epoch, status, code, message, worker)
  SELECT id, run_id, entity, stage, epoch, status, code, message, $4 FROM hit
)
SELECT id::text AS id, epoch FROM hit WHERE status = 'pending'`;

/**
 * Records that a job came back from a lost worker. With `counts` it uses up a try of each record; otherwise a poison
 * record would kill workers without end. `dispatched_at` is renewed, so that the sweep does not dispatch the records a
 * second time while they are being worked on. Returns the records that may still be tried.
 */
export async function recordLostWorker(
  pool: pg.Pool,
  refs: readonly RecordRef[],
  maxAttempts: number,
  worker: string,
  counts: boolean,
): Promise<RecordRef[]> {
  const values = [refs.map((ref) => ref.id), refs.map((ref) => ref.epoch), maxAttempts, worker, counts ? 1 : 0];
  return queryPrepared<{ id: string; epoch: number }>(pool, 'count_lost', recordLostWorkerSql, values);
}
