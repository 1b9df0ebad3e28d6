import { and, asc, eq, gt } from 'drizzle-orm';
import type { RecordFilter, RecordView } from '../../src/engine/control/contract.ts';
import type { RecordStatus, Stage } from '../../src/engine/record-status.ts';
import type { Database } from '../client.ts';
import { records } from '../schema/index.ts';

type Row = typeof records.$inferSelect;

/** A page of a run's records by ledger id. */
export async function recordsOf(
  database: Database,
  runId: string,
  filter: RecordFilter & { limit: number },
): Promise<RecordView[]> {
  const wanted = [
    eq(records.runId, runId),
    filter.status === undefined ? undefined : eq(records.status, filter.status),
    filter.entity === undefined ? undefined : eq(records.entity, filter.entity),
    filter.cursor === undefined ? undefined : gt(records.id, BigInt(filter.cursor)),
  ];
  const rows = await database
    .select()
    .from(records)
    .where(and(...wanted))
    .orderBy(asc(records.id))
    .limit(filter.limit);
  return rows.map(toView);
}

function toView(row: Row): RecordView {
  return {
    id: row.id.toString(),
    runId: row.runId,
    entity: row.entity,
    sourceId: row.sourceId,
    stage: row.stage as Stage,
    status: row.status as RecordStatus,
    code: row.code,
    field: row.field,
    message: row.message,
    targetId: row.targetId,
    blockedBy: row.blockedBy?.toString() ?? null,
    mergedInto: row.mergedInto?.toString() ?? null,
    attempts: row.attempts,
    updatedAt: row.updatedAt.toISOString(),
  };
}
