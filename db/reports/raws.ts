import type pg from 'pg';
import type { JsonObject } from '../../src/plan/json.ts';
import type { Row } from '../sql.ts';
import { pagesOf } from './pages.ts';

// By the order they were stored, through the primary key: a run's records lie together.
const statement = `
SELECT r.id::text AS id, p.raw FROM drover.records r JOIN drover.payloads p ON p.record_id = r.id
WHERE r.run_id = $1 AND r.entity = $2 AND r.id > $3 ORDER BY r.id LIMIT $4`;

interface RawRow extends Row {
  readonly id: string;
  readonly raw: JsonObject;
}

/** What the source said, record by record. */
export async function* rawsOf(pool: pg.Pool, runId: string, entity: string): AsyncGenerator<JsonObject[]> {
  const next = (last: RawRow) => [runId, entity, last.id];
  for await (const rows of pagesOf<RawRow>(pool, 'raws', statement, [runId, entity, '0'], next, 1_000)) {
    yield rows.map((row) => row.raw);
  }
}
