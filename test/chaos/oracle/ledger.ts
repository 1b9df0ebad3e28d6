import type { Probe } from '../probe.ts';
import type { Expectation, Expected } from './expectation.ts';
import { combineFindings, describeItems, type Finding, groupBy } from './finding.ts';

interface Entry {
  readonly entity: string;
  readonly source_id: string;
  readonly status: string;
  readonly code: string | null;
}

/** Every source record against the ledger: there once, with the outcome and the code it must have. */
export async function checkLedger(probe: Probe, runId: string, expectation: Expectation): Promise<Finding> {
  const rows = await probe.query<Entry>(
    'SELECT entity, source_id, status, code FROM drover.records WHERE run_id = $1',
    [runId],
  );
  const byEntity = groupBy(rows, (row) => row.entity);
  return combineFindings(
    [...expectation].map(([entity, records]) => checkEntity(entity, records, byEntity.get(entity) ?? [])),
  );
}

function checkEntity(entity: string, records: ReadonlyMap<string, Expected>, rows: readonly Entry[]): Finding {
  const seen = new Map<string, Entry>();
  const twice: string[] = [];
  for (const row of rows) {
    if (seen.has(row.source_id)) twice.push(row.source_id);
    seen.set(row.source_id, row);
  }
  const missing = [...records.keys()].filter((id) => !seen.has(id));
  const strange = [...seen.keys()].filter((id) => !records.has(id));
  return {
    lost: missing.length,
    doubled: twice.length,
    problems: [
      ...describeItems(`${entity} the ledger does not know`, missing),
      ...describeItems(`${entity} twice in the ledger`, twice),
      ...describeItems(`${entity} in the ledger that the source never had`, strange),
      ...describeItems(`${entity} with another outcome than they must have`, differing(records, seen)),
    ],
  };
}

function differing(records: ReadonlyMap<string, Expected>, seen: ReadonlyMap<string, Entry>): string[] {
  const wrong: string[] = [];
  for (const [id, { outcome, code }] of records) {
    const entry = seen.get(id);
    if (!entry || (entry.status === outcome && (code === undefined || entry.code === code))) continue;
    wrong.push(`${id} is ${entry.status} ${entry.code ?? ''}, not ${outcome} ${code ?? ''}`);
  }
  return wrong;
}

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
