import type pg from 'pg';
import type { IdentityReader, IdPair } from '../../src/engine/reports/ports.ts';
import { prepared, type Row } from '../sql.ts';
import { readPages } from './pages.ts';

const idPairsPageSize = 5_000;

interface IdPairRow extends Row {
  readonly source_id: string;
  readonly target_id: string;
}

const reusedTargetIdsSql = `
SELECT r.source_id, coalesce(r.target_id, m.target_id) AS target_id
FROM drover.records r LEFT JOIN drover.records m ON m.id = r.merged_into
WHERE r.run_id = $1 AND r.entity = $2 AND r.source_id > $3 AND r.status = 'skipped'
  AND r.code NOT IN ('WOULD_INSERT', 'WOULD_UPDATE') AND coalesce(r.target_id, m.target_id) IS NOT NULL
ORDER BY r.source_id LIMIT $4`;

/** Records of the run that have a row without having loaded it: their survivor's, or one that was there before. */
export async function* readReusedTargetIds(pool: pg.Pool, runId: string, entity: string): AsyncGenerator<IdPair[]> {
  const next = (last: IdPairRow) => [runId, entity, last.source_id];
  yield* toIdPairs(readPages<IdPairRow>(pool, reusedTargetIdsSql, [runId, entity, ''], next, idPairsPageSize));
}

const identitiesPageSql = `
SELECT source_id, target_id FROM drover.identities
WHERE scope = $1 AND entity = $2 AND source_id > $3 ORDER BY source_id LIMIT $4`;

const existingIdentitiesSql = `
SELECT source_id FROM drover.identities WHERE scope = $1 AND entity = $2 AND source_id = ANY($3::text[])`;

/** Ids of everything every run has loaded, over the target's database. */
export function createIdentityReader(pool: pg.Pool): IdentityReader {
  return {
    async *pairs(scope, entity) {
      const next = (last: IdPairRow) => [scope, entity, last.source_id];
      yield* toIdPairs(readPages<IdPairRow>(pool, identitiesPageSql, [scope, entity, ''], next, idPairsPageSize));
    },
    async known(scope, entity, sourceIds) {
      const values = [scope, entity, sourceIds];
      const rows = await prepared<{ source_id: string }>(pool, undefined, existingIdentitiesSql, values);
      return new Set(rows.map((row) => row.source_id));
    },
  };
}

async function* toIdPairs(pages: AsyncIterable<readonly IdPairRow[]>): AsyncGenerator<IdPair[]> {
  for await (const page of pages) yield page.map((row) => ({ sourceId: row.source_id, targetId: row.target_id }));
}
