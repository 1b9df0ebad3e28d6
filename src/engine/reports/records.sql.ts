import type pg from 'pg';
import { queryPrepared, type Row } from '../../../db/sql.ts';
import type { FailureStatus, RecordStatus, Stage } from '../../contract/record-status.ts';
import type { JsonObject } from '../../plan/json.ts';
import type { FailureGroupRow, FailureRow, IdPair, NoteRow, TryCount, TryRow } from './types.ts';

const failuresPageSize = 2_000;

// One pass; examples are the first five of each group and not an array of all of them.
const failureGroupsSql = `
WITH troubled AS (
  SELECT * FROM drover.records WHERE run_id = $1 AND status IN ('failed', 'rejected', 'blocked', 'mismatched')
), grouped AS (
  SELECT entity, stage, status, code, field, count(*)::int AS count,
    array_agg(source_id ORDER BY n) FILTER (WHERE n <= 5) AS examples
  FROM (
    SELECT *, row_number() OVER (PARTITION BY entity, stage, status, code, field ORDER BY source_id) AS n FROM troubled
  ) r
  GROUP BY entity, stage, status, code, field
), variants AS (
  SELECT entity, stage, status, code, field,
    json_agg(json_build_object('message', message, 'count', count) ORDER BY n) FILTER (WHERE n <= 5) AS variants
  FROM (
    SELECT *, row_number() OVER (PARTITION BY entity, stage, status, code, field ORDER BY count DESC, message) AS n
    FROM (
      SELECT entity, stage, status, code, field, coalesce(message, '') AS message, count(*)::int AS count
      FROM troubled GROUP BY entity, stage, status, code, field, coalesce(message, '')
    ) counted
  ) v
  GROUP BY entity, stage, status, code, field
), worth AS (
  SELECT entity, stage, status, code, field,
    json_agg(json_build_object('currency', currency, 'minor', minor) ORDER BY currency) AS sums
  FROM (
    SELECT entity, stage, status, code, field, currency, sum(amount)::text AS minor FROM troubled
    WHERE amount IS NOT NULL GROUP BY entity, stage, status, code, field, currency
  ) s
  GROUP BY entity, stage, status, code, field
)
SELECT g.entity, g.stage, g.status, coalesce(g.code, upper(g.status)) AS code, g.field, g.count, v.variants, g.examples,
  coalesce(w.sums, '[]') AS sums
FROM grouped g JOIN variants v ON v.entity = g.entity AND v.stage = g.stage AND v.status = g.status
  AND v.code IS NOT DISTINCT FROM g.code AND v.field IS NOT DISTINCT FROM g.field
LEFT JOIN worth w ON w.entity = g.entity AND w.stage = g.stage AND w.status = g.status
  AND w.code IS NOT DISTINCT FROM g.code AND w.field IS NOT DISTINCT FROM g.field
ORDER BY g.count DESC, g.entity, g.stage, g.status, g.code, g.field`;

/** Troubled records by entity, stage, status, code and field; the largest group first. */
export function readFailureGroups(pool: pg.Pool, runId: string): Promise<FailureGroupRow[]> {
  return queryPrepared<FailureGroupRow & Row>(pool, undefined, failureGroupsSql, [runId]);
}

const failuresPageSql = `
SELECT entity, source_id, stage, status, coalesce(code, upper(status)) AS code, field, coalesce(message, '') AS message,
  attempts, updated_at
FROM drover.records
WHERE run_id = $1 AND entity = $2 AND status IN ('failed', 'rejected', 'blocked', 'mismatched') AND source_id > $3
ORDER BY source_id LIMIT $4`;

const entitiesSql = 'SELECT entity FROM drover.run_entities WHERE run_id = $1 ORDER BY position';

interface FailureRecord extends Row {
  readonly entity: string;
  readonly source_id: string;
  readonly stage: Stage;
  readonly status: FailureStatus;
  readonly code: string;
  readonly field: string | null;
  readonly message: string;
  readonly attempts: number;
  readonly updated_at: Date;
}

/** Every troubled record, by entity in the order of loading. */
export async function* readFailures(pool: pg.Pool, runId: string): AsyncGenerator<FailureRow[]> {
  for (const { entity } of await queryPrepared<{ entity: string }>(pool, undefined, entitiesSql, [runId])) {
    const next = (last: FailureRecord) => [runId, entity, last.source_id];
    for await (const rows of readPages<FailureRecord>(
      pool,
      failuresPageSql,
      [runId, entity, ''],
      next,
      failuresPageSize,
    )) {
      yield rows.map(({ source_id, updated_at, ...row }) => ({ ...row, sourceId: source_id, at: updated_at }));
    }
  }
}

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
) named
GROUP BY stage, code, upstream ORDER BY stage, code, upstream`;

/** How many tries that did not simply go on there were, by stage, code and the upstream they name. */
export function countTriesByCode(pool: pg.Pool, runId: string, upstreams: readonly string[]): Promise<TryCount[]> {
  return queryPrepared<TryCount & Row>(pool, undefined, triesByCodeSql, [runId, upstreams]);
}

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
  for (const { entity } of await queryPrepared<{ entity: string }>(pool, undefined, notedEntitiesSql, [runId])) {
    const next = (last: NotedRecord) => [runId, entity, last.source_id];
    for await (const rows of readPages<NotedRecord>(pool, notesPageSql, [runId, entity, ''], next, 2_000)) {
      yield rows.map(({ source_id, ...row }) => ({ ...row, sourceId: source_id }));
    }
  }
}

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

export type IdentityReader = ReturnType<typeof createIdentityReader>;

/** The target ids of all records that any run has loaded, over the target's database. */
export function createIdentityReader(pool: pg.Pool) {
  return {
    async *pairs(scope: string, entity: string): AsyncIterable<readonly IdPair[]> {
      const next = (last: IdPairRow) => [scope, entity, last.source_id];
      yield* toIdPairs(readPages<IdPairRow>(pool, identitiesPageSql, [scope, entity, ''], next, idPairsPageSize));
    },
    /** Those of the source ids that have a target id. */
    async known(scope: string, entity: string, sourceIds: readonly string[]): Promise<ReadonlySet<string>> {
      const values = [scope, entity, sourceIds];
      const rows = await queryPrepared<{ source_id: string }>(pool, undefined, existingIdentitiesSql, values);
      return new Set(rows.map((row) => row.source_id));
    },
  };
}

async function* toIdPairs(pages: AsyncIterable<readonly IdPairRow[]>): AsyncGenerator<IdPair[]> {
  for await (const page of pages) yield page.map((row) => ({ sourceId: row.source_id, targetId: row.target_id }));
}

/**
 * Reads a long answer page by page, each page a statement of its own: no transaction stays open while a client slowly
 * downloads. Not prepared under a name: a plan kept from when the run had ten records sorts a million for each page.
 * `next` gives the values that make the statement go on after a page's last row.
 */
async function* readPages<T extends Row>(
  pool: pg.Pool,
  text: string,
  start: readonly unknown[],
  next: (last: T) => readonly unknown[],
  limit: number,
): AsyncGenerator<T[]> {
  for (let values = start; ; ) {
    const rows = await queryPrepared<T>(pool, undefined, text, [...values, limit]);
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (!last || rows.length < limit) return;
    values = next(last);
  }
}
