import type pg from 'pg';
import type { PersonRecord } from '../../src/engine/retention/contract.ts';
import type { PersonLedger } from '../../src/engine/retention/ports.ts';
import { prepared, type Row } from '../sql.ts';
import { wholeAddressPattern } from './address.ts';

const targetSchemasSql = `
SELECT DISTINCT plan, target_schema AS "targetSchema" FROM drover.runs WHERE NOT dry_run AND NOT export_only ORDER BY 1, 2`;

// Reads every payload: this is asked for once in a while, and an index over all of everybody's data would cost every run.
const matchingRecordsSql = `
SELECT r.id FROM drover.records r
LEFT JOIN drover.payloads p ON p.record_id = r.id LEFT JOIN drover.cleans c ON c.record_id = r.id
WHERE r.source_id ~* $1 OR r.merge_key ~* $1 OR r.message ~* $1 OR p.raw::text ~* $1 OR c.clean::text ~* $1
UNION
SELECT record_id FROM drover.tries WHERE message ~* $1`;

// Children of what was found, in the same run: those whose references name one of them.
const childRecordsSql = `
SELECT DISTINCT child.id FROM drover.records parent
JOIN drover.records child ON child.run_id = parent.run_id
JOIN drover.cleans c ON c.record_id = child.id
CROSS JOIN LATERAL jsonb_each(coalesce(c.clean -> 'references', '{}')) ref
WHERE parent.id = ANY($1::bigint[]) AND ref.value ->> 'entity' = parent.entity
  AND ref.value ->> 'sourceId' = parent.source_id AND child.id <> ALL($2::bigint[])`;

const personRecordsSql = `
SELECT r.run_id AS "runId", run.plan, run.target_schema AS "targetSchema", r.entity, r.source_id AS "sourceId", r.status,
  r.message, r.target_id AS "targetId", r.updated_at, p.raw, c.clean
FROM drover.records r JOIN drover.runs run ON run.id = r.run_id
LEFT JOIN drover.payloads p ON p.record_id = r.id LEFT JOIN drover.cleans c ON c.record_id = r.id
WHERE r.id = ANY($1::bigint[]) ORDER BY run.created_at, r.id`;

type PersonRecordRow = Row & Omit<PersonRecord, 'updatedAt'> & { readonly updated_at: Date };

/** What the ledger holds about one person, over a pool of the control database. */
export function createPersonLedger(pool: pg.Pool): PersonLedger {
  return {
    targetSchemas: () => prepared<{ plan: string; targetSchema: string }>(pool, undefined, targetSchemasSql, []),
    async records(email) {
      const ids = await findRecordIds(pool, email);
      const rows = await prepared<PersonRecordRow>(pool, undefined, personRecordsSql, [ids]);
      return rows.map(({ updated_at, ...row }) => ({ ...row, updatedAt: updated_at.toISOString() }));
    },
  };
}

async function findRecordIds(pool: pg.Pool, email: string): Promise<readonly string[]> {
  const found = await prepared<{ id: string }>(pool, undefined, matchingRecordsSql, [wholeAddressPattern(email)]);
  const all = found.map((row) => row.id);
  for (let last = all; last.length > 0; ) {
    const next = await prepared<{ id: string }>(pool, undefined, childRecordsSql, [last, all]);
    last = next.map((row) => row.id);
    all.push(...last);
  }
  return all;
}
