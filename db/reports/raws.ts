import type pg from 'pg';
import type { JsonObject } from '../../src/plan/json.ts';
import type { Row } from '../sql.ts';
import { readPages } from './pages.ts';

// By source id, which the index gives in order: by ledger id each page would sort all records of the entity.
const rawPayloadsSql = `
SELECT r.source_id, p.raw FROM drover.records r JOIN drover.payloads p ON p.record_id = r.id
WHERE r.run_id = $1 AND r.entity = $2 AND r.source_id > $3 ORDER BY r.source_id LIMIT $4`;

interface RawRow extends Row {
  readonly source_id: string;
  readonly raw: JsonObject;
}

/** What the source said, record by record. */
export async function* readRawPayloads(pool: pg.Pool, runId: string, entity: string): AsyncGenerator<JsonObject[]> {
  const next = (last: RawRow) => [runId, entity, last.source_id];
  for await (const rows of readPages<RawRow>(pool, rawPayloadsSql, [runId, entity, ''], next, 1_000)) {
    yield rows.map((row) => row.raw);
  }
}
