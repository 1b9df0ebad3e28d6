import type pg from 'pg';
import type { FirstWrite, HistoryTarget } from '../../src/engine/journeys/ports.ts';
import type { JsonObject } from '../../src/plan/json.ts';
import { qualified } from '../../src/plan/sql.ts';
import { prepared, type Row } from '../sql.ts';

const firstWriteSql = 'SELECT operation, at FROM drover.changes WHERE run_id = $1 AND entity = $2 AND source_id = $3';
const tableExistsSql = 'SELECT to_regclass($1) IS NOT NULL AS there';

/** Rows of the target and who wrote them, over a pool of the target's database. */
export function createHistoryTarget(pool: pg.Pool): HistoryTarget {
  return {
    async row(schema, table, id) {
      const name = qualified(schema, table);
      // A trial's schema goes with its trial, and a table may be renamed by a cutover.
      const [known] = await prepared<{ there: boolean }>(pool, undefined, tableExistsSql, [name]);
      if (!known?.there) return undefined;
      const text = `SELECT to_jsonb(t) AS row FROM ${name} t WHERE t.id = $1::uuid`;
      return (await prepared<{ row: JsonObject }>(pool, undefined, text, [id]))[0]?.row;
    },
    async firstWrite(runId, entity, sourceId) {
      const rows = await prepared<FirstWrite & Row>(pool, undefined, firstWriteSql, [runId, entity, sourceId]);
      return rows[0];
    },
  };
}
