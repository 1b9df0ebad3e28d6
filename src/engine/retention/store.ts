import type pg from 'pg';
import { queryPrepared, type Row } from '../../../db/sql.ts';
import type { PersonBefore, PersonRecord, PersonRow } from '../../contract/retention.ts';
import { finishedStatuses } from '../../contract/run-status.ts';
import { identifier, qualified } from '../../plan/sql.ts';
import { maskColumns } from '../masking/mask.ts';
import type { PersonTable, PurgeCandidate, PurgedBatch, PurgePosition } from './types.ts';

// A run that is marked already is a candidate too: the process that emptied it may have died.
const candidatesSql = `
SELECT r.id AS "runId", r.plan, r.finished_at AS "finishedAt" FROM drover.runs r
WHERE r.status = ANY($1::text[]) AND ($2::text IS NULL OR r.id = $2)
  AND ($3::int IS NULL OR r.finished_at < now() - $3 * interval '1 hour')
  AND EXISTS (SELECT 1 FROM drover.records x WHERE x.run_id = r.id AND (
    EXISTS (SELECT 1 FROM drover.payloads p WHERE p.record_id = x.id)
    OR EXISTS (SELECT 1 FROM drover.cleans c WHERE c.record_id = x.id)))
ORDER BY r.finished_at`;

const payloadCountsSql = `
SELECT count(p.record_id)::int AS raw, count(c.record_id)::int AS clean FROM drover.records r
LEFT JOIN drover.payloads p ON p.record_id = r.id LEFT JOIN drover.cleans c ON c.record_id = r.id WHERE r.run_id = $1`;

const markPurgedSql = `
UPDATE drover.runs SET purged_at = coalesce(purged_at, now()) WHERE id = $1 AND status = ANY($2::text[]) RETURNING id`;

// Along the identity index, so that no batch reads again what earlier ones have emptied. A merge key is usually an e-mail
// address, and a finished run does not need it.
const purgeBatchSql = `
WITH page AS MATERIALIZED (
  SELECT id, entity, source_id FROM drover.records WHERE run_id = $1 AND (entity, source_id) > ($2, $3)
  ORDER BY entity, source_id LIMIT $4
), raws AS (
  DELETE FROM drover.payloads p USING page WHERE p.record_id = page.id RETURNING 1
), cleans AS (
  DELETE FROM drover.cleans c USING page WHERE c.record_id = page.id RETURNING 1
), keys AS (
  UPDATE drover.records r SET merge_key = NULL FROM page WHERE r.id = page.id AND r.merge_key IS NOT NULL RETURNING 1
), last AS (
  SELECT entity, source_id FROM page ORDER BY entity DESC, source_id DESC LIMIT 1
)
SELECT (SELECT count(*) FROM raws)::int AS raw, (SELECT count(*) FROM cleans)::int AS clean,
  (SELECT count(*) FROM page)::int AS n, last.entity, last.source_id AS "sourceId" FROM last`;

export type RetentionStore = ReturnType<typeof createRetentionStore>;

/** Payloads of finished runs in the control database, and their deletion. Throws DroverError. */
export function createRetentionStore(pool: pg.Pool) {
  return {
    /** Finished runs that still have payloads: the given one, or those that ended more than `hours` ago; oldest first. */
    candidates: ({
      runId,
      hours,
    }: {
      runId?: string | undefined;
      hours?: number | undefined;
    }): Promise<readonly PurgeCandidate[]> =>
      queryPrepared<PurgeCandidate & Row>(pool, undefined, candidatesSql, [
        finishedStatuses,
        runId ?? null,
        hours ?? null,
      ]),
    async count(runId: string): Promise<{ raw: number; clean: number }> {
      const [row] = await queryPrepared<{ raw: number; clean: number }>(pool, undefined, payloadCountsSql, [runId]);
      return row ?? { raw: 0, clean: 0 };
    },
    /** From now on nothing starts that needs payloads. False when the run is not finished any more. */
    markPurged: async (runId: string): Promise<boolean> =>
      (await queryPrepared(pool, undefined, markPurgedSql, [runId, finishedStatuses])).length === 1,
    purgeBatch: (runId: string, after: PurgePosition, limit: number) => purgeBatch(pool, runId, after, limit),
  };
}

async function purgeBatch(pool: pg.Pool, runId: string, after: PurgePosition, limit: number): Promise<PurgedBatch> {
  const values = [runId, after.entity, after.sourceId, limit];
  const [row] = await queryPrepared<PurgedBatch & PurgePosition & { n: number } & Row>(
    pool,
    undefined,
    purgeBatchSql,
    values,
  );
  if (!row) return { raw: 0, clean: 0, next: null };
  const { raw, clean, n, entity, sourceId } = row;
  return { raw, clean, next: n < limit ? null : { entity, sourceId } };
}

const targetSchemasSql = `
SELECT DISTINCT plan, target_schema AS "targetSchema" FROM drover.runs WHERE NOT dry_run AND NOT export_only ORDER BY 1, 2`;

// Reads every payload: this is a rare request, and an index over all payloads would slow every run.
const matchingRecordsSql = `
SELECT r.id FROM drover.records r
LEFT JOIN drover.payloads p ON p.record_id = r.id LEFT JOIN drover.cleans c ON c.record_id = r.id
WHERE r.source_id ~* $1 OR r.merge_key ~* $1 OR r.message ~* $1 OR p.raw::text ~* $1 OR c.clean::text ~* $1
UNION
SELECT record_id FROM drover.tries WHERE message ~* $1`;

// Children of the found records in the same run: those whose references point at one of them.
const childRecordsSql = `
SELECT DISTINCT child.id FROM drover.records parent
JOIN drover.records child ON child.run_id = parent.run_id
JOIN drover.cleans c ON c.record_id = child.id
CROSS JOIN LATERAL jsonb_each(coalesce(c.clean -> 'references', '{}')) ref
WHERE parent.id = ANY($1::bigint[]) AND ref.value ->> 'entity' = parent.entity
  AND ref.value ->> 'sourceId' = parent.source_id AND child.id <> ALL($2::bigint[])`;

const personRecordsSql = `
SELECT r.run_id AS "runId", run.plan, run.target_schema AS "targetSchema", r.entity, r.source_id AS "sourceId", r.status,
  r.message, r.target_id AS "targetId", r.updated_at, p.raw, c.clean
FROM drover.records r JOIN drover.runs run ON run.id = r.run_id
LEFT JOIN drover.payloads p ON p.record_id = r.id LEFT JOIN drover.cleans c ON c.record_id = r.id
WHERE r.id = ANY($1::bigint[]) ORDER BY run.created_at, r.id`;

type PersonRecordRow = Row & Omit<PersonRecord, 'updatedAt'> & { readonly updated_at: Date };

export type PersonLedger = ReturnType<typeof createPersonLedger>;

/** Data about one person in the control database. Throws DroverError. */
export function createPersonLedger(pool: pg.Pool) {
  return {
    /** Target schemas that runs have loaded into, with their plans. */
    targetSchemas: () => queryPrepared<{ plan: string; targetSchema: string }>(pool, undefined, targetSchemasSql, []),
    /** Records that contain the address, and all that reference those. */
    async records(email: string): Promise<readonly PersonRecord[]> {
      const ids = await findRecordIds(pool, email);
      const rows = await queryPrepared<PersonRecordRow>(pool, undefined, personRecordsSql, [ids]);
      return rows.map(({ updated_at, ...row }) => ({ ...row, updatedAt: updated_at.toISOString() }));
    },
  };
}

async function findRecordIds(pool: pg.Pool, email: string): Promise<readonly string[]> {
  const found = await queryPrepared<{ id: string }>(pool, undefined, matchingRecordsSql, [wholeAddressPattern(email)]);
  const all = found.map((row) => row.id);
  for (let last = all; last.length > 0; ) {
    const next = await queryPrepared<{ id: string }>(pool, undefined, childRecordsSql, [last, all]);
    last = next.map((row) => row.id);
    all.push(...last);
  }
  return all;
}

const beforeImagesSql = `
SELECT run_id AS "runId", table_name AS table, target_id AS id, before FROM drover.changes
WHERE before IS NOT NULL AND (target_id = ANY($2::text[]) OR before::text ~* $1) ORDER BY id`;

export type PersonTargets = ReturnType<typeof createPersonTargets>;

/** Data about one person in the target's database. Throws DroverError. */
export function createPersonTargets(pool: pg.Pool) {
  return {
    /**
     * Rows that contain the address or have one of the ids, and all that reference those, without columns made from
     * secrets. Parents' tables come first.
     */
    async rows(email: string, tables: readonly PersonTable[], ids: readonly string[]): Promise<readonly PersonRow[]> {
      const byTable = new Map<string, readonly string[]>();
      const rows: PersonRow[] = [];
      for (const table of tables) {
        const found = await queryRows(pool, email, table, ids, byTable);
        byTable.set(table.table, [...(byTable.get(table.table) ?? []), ...found.map((row) => row.id)]);
        rows.push(...found.map((row) => ({ ...row, row: maskColumns(row.row, table.secret) })));
      }
      return rows;
    },
    /** Old content, kept for rollbacks, that contains the address or belongs to one of the ids. */
    beforeImages: (email: string, ids: readonly string[]): Promise<readonly PersonBefore[]> =>
      queryPrepared<PersonBefore & Row>(pool, undefined, beforeImagesSql, [wholeAddressPattern(email), ids]),
  };
}

async function queryRows(
  pool: pg.Pool,
  email: string,
  { schema, table, references }: PersonTable,
  ids: readonly string[],
  found: ReadonlyMap<string, readonly string[]>,
): Promise<readonly PersonRow[]> {
  const name = qualified(schema, table);
  const existsSql = 'SELECT to_regclass($1) IS NOT NULL AS exists';
  const [known] = await queryPrepared<{ exists: boolean }>(pool, undefined, existsSql, [name]);
  if (!known?.exists) return [];
  const pointing = Object.keys(references).map(
    (column, at) => `OR t.${identifier(column)}::text = ANY($${at + 3}::text[])`,
  );
  const statement = `
SELECT t.id::text AS id, to_jsonb(t) AS row FROM ${name} t
WHERE t.id::text = ANY($2::text[]) OR to_jsonb(t)::text ~* $1 ${pointing.join(' ')} ORDER BY t.id`;
  const values = [
    wholeAddressPattern(email),
    ids,
    ...Object.values(references).map((parent) => found.get(parent) ?? []),
  ];
  const rows = await queryPrepared<Omit<PersonRow, 'table'> & Row>(pool, undefined, statement, values);
  return rows.map((row) => ({ ...row, table: `${schema}.${table}` }));
}

/**
 * A PostgreSQL regular expression (for `~*`) that matches the address as a whole word: `jane@x.com` is neither in
 * `mary-jane@x.com` nor in `jane@x.com.ph`, which belong to other people.
 */
function wholeAddressPattern(email: string): string {
  const literal = email.replace(/[^\p{L}\p{N}]/gu, (sign) => `\\${sign}`);
  return `(?<![[:alnum:]._%+'-])${literal}(?![[:alnum:]-]|\\.[[:alnum:]])`;
}
