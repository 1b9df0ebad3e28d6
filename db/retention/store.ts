import type pg from 'pg';
import type { PurgeCandidate, PurgedBatch, PurgePosition, RetentionStore } from '../../src/engine/retention/ports.ts';
import { finishedStatuses } from '../../src/engine/run-status.ts';
import { prepared, type Row } from '../sql.ts';

// A run already marked is looked at again: the process that emptied it may have died.
const candidatesSql = `
SELECT r.id AS "runId", r.plan, r.finished_at AS "finishedAt" FROM drover.runs r
WHERE r.status = ANY($1::text[]) AND ($2::text IS NULL OR r.id = $2)
  AND ($3::int IS NULL OR r.finished_at < now() - $3 * interval '1 hour')
  AND EXISTS (SELECT 1 FROM drover.records x WHERE x.run_id = r.id AND (
    EXISTS (SELECT 1 FROM drover.payloads p WHERE p.record_id = x.id)
    OR EXISTS (SELECT 1 FROM drover.cleans c WHERE c.record_id = x.id)))
ORDER BY r.finished_at`;

const payloadCountsSql = `
SELECT count(p.record_id)::int AS raw, count(c.record_id)::int AS clean FROM drover.records r
LEFT JOIN drover.payloads p ON p.record_id = r.id LEFT JOIN drover.cleans c ON c.record_id = r.id WHERE r.run_id = $1`;

const markPurgedSql = `
UPDATE drover.runs SET purged_at = coalesce(purged_at, now()) WHERE id = $1 AND status = ANY($2::text[]) RETURNING id`;

// Along the identity index, so that no batch walks again over what the ones before it have emptied. A merge key is an
// e-mail address more often than not, and is of no use to a run that has ended.
const purgeBatchSql = `
WITH page AS MATERIALIZED (
  SELECT id, entity, source_id FROM drover.records WHERE run_id = $1 AND (entity, source_id) > ($2, $3)
  ORDER BY entity, source_id LIMIT $4
), raws AS (
  DELETE FROM drover.payloads p USING page WHERE p.record_id = page.id RETURNING 1
), cleans AS (
  DELETE FROM drover.cleans c USING page WHERE c.record_id = page.id RETURNING 1
), keys AS (
  UPDATE drover.records r SET merge_key = NULL FROM page WHERE r.id = page.id AND r.merge_key IS NOT NULL RETURNING 1
), last AS (
  SELECT entity, source_id FROM page ORDER BY entity DESC, source_id DESC LIMIT 1
)
SELECT (SELECT count(*) FROM raws)::int AS raw, (SELECT count(*) FROM cleans)::int AS clean,
  (SELECT count(*) FROM page)::int AS n, last.entity, last.source_id AS "sourceId" FROM last`;

/** Payloads over a pool of the control database, and their end. */
export function createRetentionStore(pool: pg.Pool): RetentionStore {
  return {
    candidates: ({ runId, hours }) =>
      prepared<PurgeCandidate & Row>(pool, undefined, candidatesSql, [finishedStatuses, runId ?? null, hours ?? null]),
    async count(runId) {
      const [row] = await prepared<{ raw: number; clean: number }>(pool, undefined, payloadCountsSql, [runId]);
      return row ?? { raw: 0, clean: 0 };
    },
    markPurged: async (runId) =>
      (await prepared(pool, undefined, markPurgedSql, [runId, finishedStatuses])).length === 1,
    purgeBatch: (runId, after, limit) => purgeBatch(pool, runId, after, limit),
  };
}

async function purgeBatch(pool: pg.Pool, runId: string, after: PurgePosition, limit: number): Promise<PurgedBatch> {
  const values = [runId, after.entity, after.sourceId, limit];
  const [row] = await prepared<PurgedBatch & PurgePosition & { n: number } & Row>(
    pool,
    undefined,
    purgeBatchSql,
    values,
  );
  if (!row) return { raw: 0, clean: 0, next: null };
  const { raw, clean, n, entity, sourceId } = row;
  return { raw, clean, next: n < limit ? null : { entity, sourceId } };
}
