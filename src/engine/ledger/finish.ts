import type pg from 'pg';
import { queryPrepared, type Row } from '../../../db/sql.ts';
import type { RecordStatus, Stage } from '../../contract/record-status.ts';
import { runAcceptsWritesSql } from './run-guard.sql.ts';
import type { OutcomeWrite, WrittenOutcome } from './types.ts';

/**
 * Writes the outcomes of a stage. Guarded by stage, epoch and lease: a second worker with the same record, or one that
 * was declared lost, changes nothing. Payloads, the try and the new state are written together or not at all. A record
 * of a run that is pausing keeps its outcome but is not dispatched; once the run has stopped, no outcome is accepted.
 */
const writeOutcomesSql = `
WITH input AS (
  SELECT * FROM json_to_recordset($1::json) AS x(
    id bigint, epoch int, stage text, token text, to_stage text, status text, code text, field text, message text,
    target_id text, merge_key text, merge_rank text, merged_into bigint, blocked_by bigint, amount bigint, currency text,
    amount_status text, hash text, delay_ms int, tried int, dispatch boolean, clean json, raw json)
), moved AS (
  UPDATE drover.records r SET
    stage = coalesce(i.to_stage, i.stage), status = coalesce(i.status, 'pending'),
    code = i.code, field = i.field, message = i.message,
    target_id = coalesce(i.target_id, r.target_id), merge_key = coalesce(i.merge_key, r.merge_key),
    merge_rank = coalesce(i.merge_rank, r.merge_rank), merged_into = coalesce(i.merged_into, r.merged_into),
    blocked_by = i.blocked_by, amount = coalesce(i.amount, r.amount), currency = coalesce(i.currency, r.currency),
    amount_status = coalesce(i.amount_status, r.amount_status), hash = coalesce(i.hash, r.hash),
    epoch = r.epoch + 1, attempts = r.attempts + coalesce(i.tried, 0), lease_token = NULL, lease_until = NULL,
    dispatched_at = CASE WHEN i.dispatch AND run.status = 'running' THEN now() END,
    due_at = now() + coalesce(i.delay_ms, 0) * interval '1 millisecond', updated_at = now()
  FROM input i, drover.runs run
  WHERE r.id = i.id AND r.epoch = i.epoch AND r.stage = i.stage AND r.status = 'pending' AND run.id = r.run_id
    AND (i.token IS NULL OR r.lease_token = i.token)
    -- A worker that resumed after a pause may hold a record that was released under the same epoch: a paused run takes no writes.
    AND ${runAcceptsWritesSql}
    -- A retry without a lease must not fence off a worker whose lease on the record is still valid.
    AND (i.token IS NOT NULL OR i.status IS NOT NULL OR i.to_stage IS NOT NULL
      OR r.lease_until IS NULL OR r.lease_until < now())
  RETURNING r.id, r.run_id, r.entity, r.stage, r.status, r.epoch, r.dispatched_at
), stored AS (
  INSERT INTO drover.cleans (record_id, clean) SELECT i.id, i.clean FROM input i JOIN moved USING (id) WHERE i.clean IS NOT NULL
  ON CONFLICT (record_id) DO UPDATE SET clean = excluded.clean
), fetched AS (
  INSERT INTO drover.payloads (record_id, raw) SELECT i.id, i.raw FROM input i JOIN moved USING (id) WHERE i.raw IS NOT NULL
  ON CONFLICT (record_id) DO UPDATE SET raw = excluded.raw
), tried AS (
  INSERT INTO drover.tries (record_id, run_id, entity, stage, epoch, status, code, field, message, worker)
  SELECT i.id, m.run_id, m.entity, i.stage, i.epoch, m.status, i.code, i.field, coalesce(i.message, ''), $2
  FROM input i JOIN moved m USING (id) WHERE i.tried > 0 OR i.status IN ('rejected', 'failed', 'blocked', 'mismatched')
)
SELECT id::text AS id, run_id, entity, stage, status, epoch, dispatched_at IS NOT NULL AS dispatched FROM moved`;

interface WrittenRow extends Row {
  id: string;
  run_id: string;
  entity: string;
  stage: Stage;
  status: RecordStatus;
  epoch: number;
  dispatched: boolean;
}

/** Writes outcomes; returns the records for which the write was accepted. */
export async function writeOutcomes(
  pool: pg.Pool,
  writes: readonly OutcomeWrite[],
  worker: string,
): Promise<WrittenOutcome[]> {
  if (writes.length === 0) return [];
  const values = [JSON.stringify(writes.map(toInput)), worker];
  const rows = await queryPrepared<WrittenRow>(pool, 'finish', writeOutcomesSql, values);
  return rows.map((row) => ({
    id: row.id,
    epoch: row.epoch,
    runId: row.run_id,
    entity: row.entity,
    stage: row.stage,
    status: row.status,
    dispatched: row.dispatched,
  }));
}

// The largest text the workers write: members without a value are undefined and left out by JSON. All objects have one
// shape and are made without copies, because three spreads a record showed in the profile.
function toInput({ ref, stage, token, outcome, dispatch }: OutcomeWrite): Record<string, unknown> {
  const next = outcome.kind === 'next' ? outcome : undefined;
  const end = outcome.kind === 'end' ? outcome : undefined;
  const again = outcome.kind === 'again' ? outcome : undefined;
  const money = next?.money ?? end?.money;
  return {
    id: ref.id,
    epoch: ref.epoch,
    stage,
    token,
    dispatch: next && dispatch,
    to_stage: next?.stage,
    status: end?.status,
    code: end?.code ?? again?.code,
    field: end?.field,
    message: end?.message ?? again?.message,
    clean: next?.clean,
    raw: next?.raw,
    target_id: next?.targetId ?? end?.targetId,
    merge_key: next?.mergeKey,
    merge_rank: next?.mergeRank,
    merged_into: end?.mergedInto,
    blocked_by: end?.blockedBy,
    hash: next?.hash,
    amount: money?.minor,
    currency: money?.currency,
    amount_status: money?.status,
    delay_ms: again && Math.round(again.delayMs),
    tried: again && (again.counts ? 1 : 0),
  };
}
