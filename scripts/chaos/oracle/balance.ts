import type { Probe } from '../probe.ts';
import { describeItems, type Finding } from './finding.ts';

const finalStatuses = ['reconciled', 'skipped', 'rejected', 'failed', 'blocked', 'mismatched'];

interface Line {
  readonly entity: string;
  readonly extracted: number;
  readonly settled: number;
  readonly pending: number;
  readonly counted: number;
}

const balanceSql = `
SELECT r.entity, count(*)::int AS extracted, count(*) FILTER (WHERE r.status = ANY($2))::int AS settled,
  count(*) FILTER (WHERE r.status = 'pending')::int AS pending,
  (SELECT sum(c.n)::int FROM drover.counts c WHERE c.run_id = $1 AND c.entity = r.entity AND c.status = ANY($2)) AS counted
FROM drover.records r WHERE r.run_id = $1 GROUP BY r.entity`;

/** Extracted = what ended in one way or another, nothing pending; and the counters people see say the same. */
export async function checkBalance(probe: Probe, runId: string): Promise<Finding> {
  const lines = await probe.query<Line>(balanceSql, [runId, finalStatuses]);
  const unequal = lines.filter((line) => line.extracted !== line.settled || line.pending !== 0);
  const miscounted = lines.filter((line) => line.counted !== line.settled);
  const text = (line: Line): string => JSON.stringify(line);
  return {
    lost: 0,
    doubled: 0,
    problems: [
      ...(lines.length === 0 ? ['nothing was extracted'] : []),
      ...describeItems('entities out of balance', unequal.map(text)),
      ...describeItems('entities whose counters are wrong', miscounted.map(text)),
    ],
  };
}
