import { desc, eq } from 'drizzle-orm';
import type { StageCount } from '../../src/engine/conductor/ports.ts';
import type { AuditEntry } from '../../src/engine/control/audit.ts';
import type { SumLine, ValidationCheck } from '../../src/engine/control/contract.ts';
import type { StoredValidation, ValidationLedger } from '../../src/engine/validation/ports.ts';
import type { Database, Queries } from '../client.ts';
import { appendAudit } from '../repositories/audit.ts';
import { coded } from '../repositories/coded.ts';
import { validations } from '../schema/index.ts';
import { prepared } from '../sql.ts';
import { readExpectedRows } from './landed.ts';
import { countWithoutAmount, readMoneyPage } from './money-page.ts';
import { readSample } from './sample.ts';

const triggerCountsSql = `
SELECT entity, stage, status, sum(n)::int AS n FROM drover.counts WHERE run_id = $1
GROUP BY 1, 2, 3 HAVING sum(n) <> 0`;

const actualCountsSql = `
SELECT entity, stage, status, count(*)::int AS n FROM drover.records WHERE run_id = $1 GROUP BY 1, 2, 3`;

const pendingSql = `
SELECT source_id FROM drover.records WHERE run_id = $1 AND entity = $2 AND status = 'pending' ORDER BY source_id`;

const reportedSumsSql = `
SELECT content::json -> 'sums' AS sums FROM drover.reports
WHERE run_id = $1 AND media_type = 'application/json' AND starts_with(name, 'migration_report_')`;

/** What validation reads of the ledger, over the control database. */
export function createValidationLedger(database: Database): ValidationLedger {
  const pool = database.$client;
  return {
    triggerCounts: (runId) => prepared<CountRow>(pool, undefined, triggerCountsSql, [runId]),
    actualCounts: (runId) => prepared<CountRow>(pool, undefined, actualCountsSql, [runId]),
    pendingSourceIds: async (runId, entity) => {
      const rows = await prepared<{ source_id: string }>(pool, undefined, pendingSql, [runId, entity]);
      return rows.map((row) => row.source_id);
    },
    expectedRows: (runId, entity, after, limit) => readExpectedRows(pool, runId, entity, after, limit),
    money: (runId, entity, after, limit) => readMoneyPage(pool, runId, entity, after, limit),
    writtenSums: async (runId) => {
      const rows = await prepared<{ sums: SumLine[] | null }>(pool, undefined, reportedSumsSql, [runId]);
      return rows[0]?.sums ?? undefined;
    },
    countWithoutAmount: (runId, entity) => countWithoutAmount(pool, runId, entity),
    sample: (runId, entity, size) => readSample(pool, runId, entity, size),
    save: (runId, validation, entry) =>
      coded(database.transaction((tx) => saveValidation(tx, runId, validation, entry))),
    latest: (runId) => coded(readLatestValidation(database, runId)),
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
