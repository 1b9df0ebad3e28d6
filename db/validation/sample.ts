import type pg from 'pg';
import type { SampleRecord } from '../../src/engine/validation/ports.ts';
import { prepared, type Row } from '../sql.ts';

/** Random and repeatable: the order is a hash of run and source id, so nobody can know it before the run has its id. */
const sampleSql = `
WITH picked AS (
  SELECT id, source_id, code FROM drover.records
  WHERE run_id = $1 AND entity = $2 AND (status = 'reconciled' OR (status = 'skipped' AND code = 'UNCHANGED'))
  ORDER BY md5($1 || source_id), source_id LIMIT $3
)
SELECT picked.source_id, picked.code, p.raw, c.clean
FROM picked LEFT JOIN drover.payloads p ON p.record_id = picked.id LEFT JOIN drover.cleans c ON c.record_id = picked.id
ORDER BY picked.source_id`;

interface SampleRow extends Row {
  readonly source_id: string;
  readonly code: string | null;
  readonly raw: SampleRecord['raw'];
  readonly clean: SampleRecord['clean'];
}

export async function readSample(pool: pg.Pool, runId: string, entity: string, size: number): Promise<SampleRecord[]> {
  const rows = await prepared<SampleRow>(pool, undefined, sampleSql, [runId, entity, size]);
  return rows.map(({ source_id, code, raw, clean }) => ({ sourceId: source_id, code, raw, clean }));
}
