import type pg from 'pg';
import { notJudgedCode, type TrialCount } from '../../src/engine/trial/forecast.ts';
import { prepared, type Row } from '../sql.ts';

// Orphans of a trial are not judged: their parents may only have been left out. Nor is what waits for a bad parent, and what
// its plan says lacks others.
const trialCountsSql = `
SELECT entity, count(*) FILTER (WHERE NOT lacks)::int AS judged, count(*) FILTER (WHERE lacks)::int AS unjudged,
  count(*) FILTER (WHERE status = 'rejected' AND NOT lacks)::int AS rejected
FROM (SELECT entity, status, status = 'blocked' OR (status = 'rejected' AND code = 'ORPHAN')
    OR (status = 'skipped' AND code = '${notJudgedCode}') AS lacks
  FROM drover.records WHERE run_id = $1 AND status <> 'pending') r
GROUP BY entity`;

/** How a trial went, by entity; a trial has few records. */
export function readTrialCounts(pool: pg.Pool, runId: string): Promise<readonly TrialCount[]> {
  return prepared<TrialCount & Row>(pool, undefined, trialCountsSql, [runId]);
}
