import type pg from 'pg';
import { queryPrepared, type Row } from '../../../db/sql.ts';
import type { Stage } from '../../contract/record-status.ts';
import type { JsonObject } from '../../plan/json.ts';
import { writeOutcomes } from './finish.ts';
import { claimRecords, recordLostWorker, releaseRecords } from './leases.ts';
import { mergedSourceIds } from './merge.ts';
import { resolveReferences } from './references.ts';
import { storePage } from './store-page.ts';
import type { CleanRecord, Ledger, OpenRecord, RecordRef } from './types.ts';

/** The ledger over a pool of the control database; identities are read from the target database. */
export function createLedger(pool: pg.Pool, targetPool: pg.Pool): Ledger {
  return {
    open: (stage, refs, want) => openRecords(pool, stage, refs, want),
    writeOutcomes: (writes, worker) => writeOutcomes(pool, writes, worker),
    release: (refs, token) => releaseRecords(pool, refs, token),
    claim: (refs, token, leaseMs) => claimRecords(pool, refs, token, leaseMs),
    recordLostWorker: (refs, maxAttempts, worker, counts) => recordLostWorker(pool, refs, maxAttempts, worker, counts),
    storePage: (runId, entity, epoch, page) => storePage(pool, runId, entity, epoch, page),
    resolve: (run, wanted) => resolveReferences(pool, targetPool, run, wanted),
    mergedInto: (ids) => mergedSourceIds(pool, ids),
  };
}

// One look-up by key for each record, also when the statistics still say that the table is empty.
const lateralLookupSql = (column: string, table: string, alias: string): string =>
  `LEFT JOIN LATERAL (SELECT d.${column} FROM drover.${table} d WHERE d.record_id = r.id OFFSET 0) ${alias} ON true`;

// Only records at this stage and epoch, of a run that is running: everything else was changed since it was dispatched.
const openRecordsSql = (raw: boolean, clean: boolean): string => `
SELECT r.id::text AS id, r.epoch, r.run_id, r.entity, r.source_id, r.attempts, r.target_id, r.merge_key
  ${raw ? ', p.raw' : ''} ${clean ? ', c.clean' : ''}
FROM unnest($1::bigint[], $2::int[]) AS i(id, epoch)
JOIN drover.records r ON r.id = i.id AND r.epoch = i.epoch AND r.stage = $3 AND r.status = 'pending'
JOIN drover.runs run ON run.id = r.run_id AND run.status = 'running'
${raw ? lateralLookupSql('raw', 'payloads', 'p') : ''}
${clean ? lateralLookupSql('clean', 'cleans', 'c') : ''}`;

interface OpenRow extends Row {
  id: string;
  epoch: number;
  run_id: string;
  entity: string;
  source_id: string;
  attempts: number;
  target_id: string | null;
  merge_key: string | null;
  raw?: JsonObject | null;
  clean?: CleanRecord | null;
}

/** The records that still wait for this stage under these epochs. */
async function openRecords(
  pool: pg.Pool,
  stage: Stage,
  refs: readonly RecordRef[],
  want: { raw: boolean; clean: boolean },
): Promise<OpenRecord[]> {
  const name = `open_${want.raw ? 'r' : ''}${want.clean ? 'c' : ''}`;
  const values = [refs.map((ref) => ref.id), refs.map((ref) => ref.epoch), stage];
  const rows = await queryPrepared<OpenRow>(pool, name, openRecordsSql(want.raw, want.clean), values);
  return rows.map((row) => ({
    id: row.id,
    epoch: row.epoch,
    runId: row.run_id,
    entity: row.entity,
    sourceId: row.source_id,
    attempts: row.attempts,
    targetId: row.target_id,
    mergeKey: row.merge_key,
    ...(row.raw ? { raw: row.raw } : {}),
    ...(row.clean ? { clean: row.clean } : {}),
  }));
}
