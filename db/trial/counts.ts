import type pg from 'pg';
import type { TrialCount } from '../../src/engine/trial/forecast.ts';
import { prepared, type Row } from '../sql.ts';

// Orphans of a trial are not judged: their parents may only have been left out. Nor is what waits for a bad parent.
const statement = `
SELECT entity, count(*)::int AS judged, count(*) FILTER (WHERE status = 'rejected')::int AS rejected
FROM drover.records WHERE run_id = $1 AND status <> 'pending' AND status <> 'blocked'
  AND NOT (status = 'rejected' AND code = 'ORPHAN')
GROUP BY entity`;

/** How a trial went, by entity; a trial has few records. */
export function trialCounts(pool: pg.Pool, runId: string): Promise<readonly TrialCount[]> {
  return prepared<TrialCount & Row>(pool, undefined, statement, [runId]);
}
