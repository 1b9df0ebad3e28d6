import type pg from 'pg';
import { queryPrepared } from '../../../db/sql.ts';
import { storableKey } from '../ledger/source-ids.ts';
import type { Run, RunEntity } from '../ledger/types.ts';

const missingIdsSql = `
INSERT INTO drover.records (run_id, entity, source_id, stage, status, code, message)
SELECT $1, ($2::text[])[1], id, 'extract', 'rejected', 'NOT_IN_SOURCE', $4 FROM (SELECT DISTINCT unnest($3::text[]) AS id) w
WHERE NOT EXISTS (SELECT FROM drover.records r WHERE r.run_id = $1 AND r.entity = ANY ($2::text[]) AND r.source_id = w.id)
ON CONFLICT (run_id, entity, source_id) DO NOTHING`;

/**
 * Stores the ids that a selective run was given and that none of its sources has as rejected records (NOT_IN_SOURCE), so
 * that the run is not green. An id is not bound to an entity: it is stored with the first one of the run. Call it after
 * every extraction has ended; it does nothing when one of them has an error. Safe to repeat.
 */
export async function rejectMissingIds(
  pool: pg.Pool,
  { id, scope }: Pick<Run, 'id' | 'scope'>,
  entities: readonly RunEntity[],
): Promise<void> {
  if (scope.ids === undefined || entities.some(({ status, errorCode }) => status !== 'done' || errorCode !== null))
    return;
  const names = entities.map(({ entity }) => entity);
  const message =
    names.length === 1
      ? 'the source has no record with this id'
      : `no source of the run (${names.join(', ')}) has a record with this id`;
  await queryPrepared(pool, undefined, missingIdsSql, [id, names, scope.ids.map(storableKey), message]);
}
