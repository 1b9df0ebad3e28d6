import type { Probe } from '../probe.ts';
import type { Expectation, Expected } from './expectation.ts';
import { combineFindings, describeItems, type Finding } from './finding.ts';
import { groupBy } from './group.ts';

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
