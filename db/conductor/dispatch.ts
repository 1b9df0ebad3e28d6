import type pg from 'pg';
import type { DueRecord } from '../../src/engine/conductor/ports.ts';
import type { ExtractionJob } from '../../src/engine/ports.ts';
import type { Stage } from '../../src/engine/record-status.ts';
import { prepared } from '../sql.ts';

// A conductor that slept, or read the run a moment before it was asked to stop, gives nothing out of it.
const running = "EXISTS (SELECT FROM drover.runs WHERE id = $1 AND status = 'running')";

// SKIP LOCKED: a record a worker is finishing at this moment is not due. Nor is one under a lease: whoever got it would be
// turned away, and it would lie until the sweep.
const records = `
WITH due AS (
  SELECT id FROM drover.records
  WHERE run_id = $1 AND entity = $2 AND stage = $3 AND status = 'pending' AND dispatched_at IS NULL AND due_at <= now()
    AND (lease_until IS NULL OR lease_until < now()) AND ${running}
  ORDER BY due_at, id LIMIT $4 FOR UPDATE SKIP LOCKED
)
UPDATE drover.records r SET dispatched_at = now(), epoch = r.epoch + 1 FROM due WHERE r.id = due.id
RETURNING r.id::text AS id, r.epoch, r.attempts, coalesce(r.code = 'WORKER_LOST', false) AS suspect`;

/** Gives out due records of one entity at one stage. */
export function takeDue(
  pool: pg.Pool,
  runId: string,
  entity: string,
  stage: Stage,
  limit: number,
): Promise<DueRecord[]> {
  return prepared<{ id: string; epoch: number; attempts: number; suspect: boolean }>(pool, 'take_due', records, [
    runId,
    entity,
    stage,
    limit,
  ]);
}

const extractions = `
WITH due AS (
  SELECT entity FROM drover.run_entities
  WHERE run_id = $1 AND status = 'reading' AND dispatched_at IS NULL AND due_at <= now() AND entity <> ALL ($2::text[])
    AND ${running}
  FOR UPDATE SKIP LOCKED
)
UPDATE drover.run_entities e SET dispatched_at = now(), epoch = epoch + 1 FROM due
WHERE e.run_id = $1 AND e.entity = due.entity
RETURNING e.run_id, e.entity, e.epoch`;

/** Gives out the extractions of a run that are due, but for those of some entities. */
export async function takeDueExtractions(
  pool: pg.Pool,
  runId: string,
  but: readonly string[],
): Promise<ExtractionJob[]> {
  const rows = await prepared<{ run_id: string; entity: string; epoch: number }>(pool, 'take_due_x', extractions, [
    runId,
    but,
  ]);
  return rows.map((row) => ({ runId: row.run_id, entity: row.entity, epoch: row.epoch }));
}
