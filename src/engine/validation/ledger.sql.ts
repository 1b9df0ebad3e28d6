import { desc, eq } from 'drizzle-orm';
import type pg from 'pg';
import type { Database, Queries } from '../../../db/client.ts';
import { withDatabaseErrors } from '../../../db/errors.ts';
import { validations } from '../../../db/schema/runs.ts';
import { queryPrepared, type Row } from '../../../db/sql.ts';
import { appendAudit } from '../../../db/stores/audit.ts';
import type { AuditEntry } from '../../contract/audit.ts';
import type { SumLine, ValidationCheck } from '../../contract/runs.ts';
import type { StageCount } from '../ledger/types.ts';
import { createRunStore } from '../runs/store.ts';
import type { ExpectedRowsPage, MoneyGroup, MoneyPage, SampleRecord, StoredAmount, StoredValidation } from './types.ts';

const actualCountsSql = `
SELECT entity, stage, status, count(*)::int AS n FROM drover.records WHERE run_id = $1 GROUP BY 1, 2, 3`;

const pendingSql = `
SELECT source_id FROM drover.records WHERE run_id = $1 AND entity = $2 AND status = 'pending' ORDER BY source_id`;

const reportedSumsSql = `
SELECT content::json -> 'sums' AS sums FROM drover.reports
WHERE run_id = $1 AND media_type = 'application/json' AND starts_with(name, 'migration_report_')`;

export type ValidationLedger = ReturnType<typeof createValidationLedger>;

/** What validation reads and stores in the control database. Every method throws DroverError. */
export function createValidationLedger(database: Database) {
  const pool = database.$client;
  return {
    /** Records by stage and status as the triggers counted them. */
    triggerCounts: (runId: string): Promise<readonly StageCount[]> => createRunStore(database).counts(runId),
    /** The same, counted in the records. */
    actualCounts: (runId: string): Promise<readonly StageCount[]> =>
      queryPrepared<CountRow>(pool, undefined, actualCountsSql, [runId]),
    pendingSourceIds: async (runId: string, entity: string): Promise<readonly string[]> => {
      const rows = await queryPrepared<{ source_id: string }>(pool, undefined, pendingSql, [runId, entity]);
      return rows.map((row) => row.source_id);
    },
    expectedRows: (runId: string, entity: string, after: string, limit: number) =>
      readExpectedRows(pool, runId, entity, after, limit),
    money: (runId: string, entity: string, after: string, limit: number) =>
      readMoneyPage(pool, runId, entity, after, limit),
    /** The sums in the run's report, once it has ended and written one. */
    writtenSums: async (runId: string): Promise<readonly SumLine[] | undefined> => {
      const rows = await queryPrepared<{ sums: SumLine[] | null }>(pool, undefined, reportedSumsSql, [runId]);
      return rows[0]?.sums ?? undefined;
    },
    /** Amounts as they were taken over, with the raw records, in the order of the source ids. */
    storedAmounts: (
      runId: string,
      entity: string,
      columns: { readonly amount: string; readonly currency: string },
      after: string,
      limit: number,
    ) => readStoredAmounts(pool, runId, entity, columns, after, limit),
    countWithoutAmount: (runId: string, entity: string) => countWithoutAmount(pool, runId, entity),
    sample: (runId: string, entity: string, size: number) => readSample(pool, runId, entity, size),
    /** Stores the validation, and `entry` in the audit log, in one transaction. */
    save: (runId: string, validation: Omit<StoredValidation, 'at'>, entry?: AuditEntry) =>
      withDatabaseErrors(database.transaction((tx) => saveValidation(tx, runId, validation, entry))),
    latest: (runId: string) => withDatabaseErrors(readLatestValidation(database, runId)),
  };
}

type CountRow = { [K in keyof StageCount]: StageCount[K] };

async function saveValidation(
  tx: Queries,
  runId: string,
  validation: Omit<StoredValidation, 'at'>,
  entry: AuditEntry | undefined,
): Promise<StoredValidation> {
  const [row] = await tx
    .insert(validations)
    .values({ runId, ...validation })
    .returning({ at: validations.at });
  if (entry) await appendAudit(tx, entry);
  return { ...validation, at: row?.at ?? new Date() };
}

async function readLatestValidation(database: Database, runId: string): Promise<StoredValidation | undefined> {
  const [row] = await database
    .select()
    .from(validations)
    .where(eq(validations.runId, runId))
    .orderBy(desc(validations.id))
    .limit(1);
  if (!row) return undefined;
  const { at, dataVersion } = row;
  return { at, dataVersion, status: row.status as 'green' | 'red', checks: row.checks as ValidationCheck[] };
}

/**
 * Records that should have a row in the target, in the order of their source ids, as JSON text for the target's database:
 * `s` the source id, `t` the target id where the record may have no identity of its own (an existing row that was left as
 * it was, or the row of the record it was merged into).
 */
const expectedRowsSql = `
WITH page AS (
  SELECT r.source_id, r.status, r.code, coalesce(r.target_id, m.target_id) AS target_id
  FROM drover.records r LEFT JOIN drover.records m ON m.id = r.merged_into
  WHERE r.run_id = $1 AND r.entity = $2 AND r.source_id > $3
  ORDER BY r.source_id LIMIT $4
), landed AS (
  SELECT source_id AS s, CASE WHEN status = 'skipped' AND code <> 'UNCHANGED' THEN target_id END AS t FROM page
  WHERE status = 'reconciled'
    OR (status = 'skipped' AND target_id IS NOT NULL AND code NOT IN ('WOULD_INSERT', 'WOULD_UPDATE'))
)
SELECT (SELECT json_agg(landed) FROM landed)::text AS records, (SELECT count(*)::int FROM landed) AS count,
  (SELECT source_id FROM page ORDER BY source_id OFFSET $4 - 1) AS next`;

interface ExpectedRowsPageRow extends Record<string, unknown> {
  readonly records: string | null;
  readonly count: number;
  readonly next: string | null;
}

async function readExpectedRows(
  pool: pg.Pool,
  runId: string,
  entity: string,
  after: string,
  limit: number,
): Promise<ExpectedRowsPage> {
  const [row] = await queryPrepared<ExpectedRowsPageRow>(pool, undefined, expectedRowsSql, [
    runId,
    entity,
    after,
    limit,
  ]);
  return { records: row?.records ?? '[]', count: row?.count ?? 0, next: row?.next ?? null };
}

/**
 * Amounts of a page of records. Those that should be in the target come as JSON text for the target's database: `s` source
 * id, `t` target id where the record has no identity, `a` minor units, `c` currency, `u` status. A record that is replayed
 * is pending again and counts as not loaded, although its old row may still exist.
 */
const moneyPageSql = `
WITH page AS (
  SELECT r.source_id, r.amount, coalesce(r.currency, '') AS currency, coalesce(r.amount_status, '') AS amount_status,
    r.code, r.target_id, (r.target_id IS NOT NULL AND r.merged_into IS NULL AND (
      (r.stage = 'reconcile' AND r.status <> 'skipped')
      OR (r.status = 'skipped' AND r.code IN ('UNCHANGED', 'EXISTS')))) AS landed
  FROM drover.records r
  WHERE r.run_id = $1 AND r.entity = $2 AND r.source_id > $3
  ORDER BY r.source_id LIMIT $4
), money AS (
  SELECT * FROM page WHERE amount IS NOT NULL
), groups AS (
  SELECT currency, amount_status AS status, sum(amount)::text AS source,
    coalesce(sum(amount) FILTER (WHERE NOT landed), 0)::text AS unloaded
  FROM money GROUP BY 1, 2
), landed AS (
  SELECT source_id AS s, CASE WHEN code = 'EXISTS' THEN target_id END AS t, amount::text AS a, currency AS c,
    amount_status AS u
  FROM money WHERE landed
)
SELECT (SELECT json_agg(groups) FROM groups) AS groups, (SELECT json_agg(landed) FROM landed)::text AS records,
  (SELECT count(*)::int FROM landed) AS count,
  (SELECT source_id FROM page ORDER BY source_id OFFSET $4 - 1) AS next`;

interface MoneyPageRow extends Record<string, unknown> {
  readonly groups: MoneyGroup[] | null;
  readonly records: string | null;
  readonly count: number;
  readonly next: string | null;
}

async function readMoneyPage(
  pool: pg.Pool,
  runId: string,
  entity: string,
  after: string,
  limit: number,
): Promise<MoneyPage> {
  const [row] = await queryPrepared<MoneyPageRow>(pool, undefined, moneyPageSql, [runId, entity, after, limit]);
  return {
    groups: row?.groups ?? [],
    records: row?.records ?? '[]',
    count: row?.count ?? 0,
    next: row?.next ?? null,
  };
}

const storedAmountsSql = `
SELECT r.source_id AS "sourceId", r.target_id AS "targetId", r.amount::text AS minor,
  CASE WHEN r.amount IS NULL THEN c.clean -> 'row' ->> $3 END AS major,
  CASE WHEN r.amount IS NULL THEN c.clean -> 'row' ->> $4 ELSE r.currency END AS currency, p.raw
FROM drover.records r LEFT JOIN drover.cleans c ON c.record_id = r.id LEFT JOIN drover.payloads p ON p.record_id = r.id
WHERE r.run_id = $1 AND r.entity = $2 AND r.source_id > $5 ORDER BY r.source_id LIMIT $6`;

async function readStoredAmounts(
  pool: pg.Pool,
  runId: string,
  entity: string,
  { amount, currency }: { readonly amount: string; readonly currency: string },
  after: string,
  limit: number,
): Promise<{ readonly records: readonly StoredAmount[]; readonly next: string | null }> {
  const values = [runId, entity, amount, currency, after, limit];
  const records = await queryPrepared<StoredAmount & Row>(pool, undefined, storedAmountsSql, values);
  return { records, next: records.length < limit ? null : (records.at(-1)?.sourceId ?? null) };
}

const withoutAmountSql = `
SELECT count(*)::int AS n FROM drover.records
WHERE run_id = $1 AND entity = $2 AND amount IS NULL AND status <> 'pending'`;

/** Records that are in no sum: their amount could not be read, or they were skipped before it was. */
async function countWithoutAmount(pool: pg.Pool, runId: string, entity: string): Promise<number> {
  const rows = await queryPrepared<{ n: number }>(pool, undefined, withoutAmountSql, [runId, entity]);
  return rows[0]?.n ?? 0;
}

/** Reconciled and unchanged records. Random but repeatable: ordered by a hash of run id and source id. */
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

async function readSample(pool: pg.Pool, runId: string, entity: string, size: number): Promise<SampleRecord[]> {
  const rows = await queryPrepared<SampleRow>(pool, undefined, sampleSql, [runId, entity, size]);
  return rows.map(({ source_id, code, raw, clean }) => ({ sourceId: source_id, code, raw, clean }));
}
