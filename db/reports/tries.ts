import type pg from 'pg';
import type { RecordStatus, Stage } from '../../src/engine/record-status.ts';
import type { TryCount, TryRow } from '../../src/engine/reports/ports.ts';
import { prepared, type Row } from '../sql.ts';
import { readPages } from './pages.ts';

const triesPageSql = `
SELECT t.id::text AS id, t.at, t.entity, coalesce(r.source_id, t.record_id::text) AS source_id, t.stage, t.status, t.code,
  t.message, t.worker
FROM drover.tries t LEFT JOIN drover.records r ON r.id = t.record_id
WHERE t.run_id = $1 AND t.id > $2 ORDER BY t.id LIMIT $3`;

interface TryRecord extends Row {
  readonly id: string;
  readonly at: Date;
  readonly entity: string;
  readonly source_id: string;
  readonly stage: Stage;
  readonly status: RecordStatus;
  readonly code: string;
  readonly message: string;
  readonly worker: string;
}

/** Every try that did not succeed, in the order they were written down. */
export async function* readTries(pool: pg.Pool, runId: string): AsyncGenerator<TryRow[]> {
  const next = (last: TryRecord) => [runId, last.id];
  for await (const rows of readPages<TryRecord>(pool, triesPageSql, [runId, '0'], next, 2_000)) {
    yield rows.map(({ id: _id, source_id, ...row }) => ({ ...row, sourceId: source_id }));
  }
}

const triesByCodeSql = `
SELECT stage, code, upstream, count(*)::int AS count
FROM (
  SELECT t.stage, t.code, (SELECT u.name FROM unnest($2::text[]) AS u (name)
    WHERE u.name = substring(t.message FROM '^(?:[A-Z_]+: )?([\\w-]+)')) AS upstream
  FROM drover.tries t WHERE t.run_id = $1
) told
GROUP BY stage, code, upstream ORDER BY stage, code, upstream`;

/** How many tries that did not simply go on there were, by stage, code and the upstream they name. */
export function countTriesByCode(pool: pg.Pool, runId: string, upstreams: readonly string[]): Promise<TryCount[]> {
  return prepared<TryCount & Row>(pool, undefined, triesByCodeSql, [runId, upstreams]);
}
