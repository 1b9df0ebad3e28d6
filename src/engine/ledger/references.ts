import type pg from 'pg';
import { queryPrepared, type Row } from '../../../db/sql.ts';
import type { RecordStatus, Stage } from '../../contract/record-status.ts';
import { identityScope } from '../runs/context.ts';
import type { Resolution, Run } from './types.ts';

// A merged record is resolved to its survivor. OFFSET 0 forces one look-up by the whole key for each, also on a table without
// statistics.
const inRunSql = `
SELECT w.entity, w.source_id, e.id::text AS id, e.stage, e.status, e.code, e.target_id
FROM unnest($2::text[], $3::text[]) AS w(entity, source_id)
JOIN LATERAL (
  SELECT * FROM drover.records d WHERE d.run_id = $1 AND d.entity = w.entity AND d.source_id = w.source_id OFFSET 0
) r ON true
JOIN drover.records e ON e.id = coalesce(r.merged_into, r.id)`;

const inTargetSql = `
SELECT w.entity, w.source_id, i.target_id
FROM unnest($2::text[], $3::text[]) AS w(entity, source_id)
JOIN LATERAL (
  SELECT * FROM drover.identities d WHERE d.scope = $1 AND d.entity = w.entity AND d.source_id = w.source_id OFFSET 0
) i ON true`;

interface ReferencedRow extends Row {
  entity: string;
  source_id: string;
  id: string;
  stage: Stage;
  status: RecordStatus;
  code: string | null;
  target_id: string | null;
}

/** The key of a record in the maps of this module: entity and source id, which may hold any character but NUL. */
export const referenceKey = (entity: string, sourceId: string): string => `${entity}\u0000${sourceId}`;

/** The state of the referenced records: in this run first, then among the rows that earlier runs loaded. */
export async function resolveReferences(
  pool: pg.Pool,
  targetPool: pg.Pool,
  run: Run,
  wanted: readonly { entity: string; sourceId: string }[],
): Promise<Map<string, Resolution>> {
  const found = new Map<string, Resolution>();
  if (wanted.length === 0) return found;
  const lists = (items: typeof wanted) => [items.map((item) => item.entity), items.map((item) => item.sourceId)];
  for (const row of await queryPrepared<ReferencedRow>(pool, 'resolve_run', inRunSql, [run.id, ...lists(wanted)])) {
    found.set(referenceKey(row.entity, row.source_id), toResolution(row));
  }
  const rest = wanted.filter((item) => !found.has(referenceKey(item.entity, item.sourceId)));
  if (rest.length === 0) return found;
  const known = await queryPrepared<{ entity: string; source_id: string; target_id: string }>(
    targetPool,
    'resolve_target',
    inTargetSql,
    [identityScope(run.plan, run.targetSchema), ...lists(rest)],
  );
  for (const row of known)
    found.set(referenceKey(row.entity, row.source_id), { kind: 'found', targetId: row.target_id });
  for (const item of rest) {
    const key = referenceKey(item.entity, item.sourceId);
    if (!found.has(key)) found.set(key, { kind: 'absent' });
  }
  return found;
}

function toResolution(row: ReferencedRow): Resolution {
  const landed = row.stage === 'reconcile' || row.status === 'skipped' || row.status === 'reconciled';
  if (row.target_id !== null && landed) return { kind: 'found', targetId: row.target_id };
  if (row.status === 'pending') return { kind: 'waiting', recordId: row.id };
  return { kind: 'bad', recordId: row.id, status: row.status, code: row.code };
}
