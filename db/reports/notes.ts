import type pg from 'pg';
import type { NoteRow } from '../../src/engine/reports/ports.ts';
import { prepared, type Row } from '../sql.ts';
import { readPages } from './pages.ts';

const notesPageSql = `
SELECT r.updated_at AS at, r.entity, r.source_id, c.clean -> 'notes' AS notes
FROM drover.records r JOIN drover.cleans c ON c.record_id = r.id
WHERE r.run_id = $1 AND r.entity = $2 AND r.source_id > $3 AND c.clean ? 'notes' ORDER BY r.source_id LIMIT $4`;

const notedEntitiesSql = 'SELECT entity FROM drover.run_entities WHERE run_id = $1 ORDER BY position';

interface NotedRecord extends Row {
  readonly at: Date;
  readonly entity: string;
  readonly source_id: string;
  readonly notes: readonly string[];
}

/** What transforms noted of records that went on all the same, by entity in the order of loading. */
export async function* readNotes(pool: pg.Pool, runId: string): AsyncGenerator<NoteRow[]> {
  for (const { entity } of await prepared<{ entity: string }>(pool, undefined, notedEntitiesSql, [runId])) {
    const next = (last: NotedRecord) => [runId, entity, last.source_id];
    for await (const rows of readPages<NotedRecord>(pool, notesPageSql, [runId, entity, ''], next, 2_000)) {
      yield rows.map(({ source_id, ...row }) => ({ ...row, sourceId: source_id }));
    }
  }
}
