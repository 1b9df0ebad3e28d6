import type pg from 'pg';
import {
  type Conflict,
  type CutoverAction,
  type CutoverEntry,
  type CutoverStatus,
  type CutoverView,
  conflictsShown,
} from '../../src/engine/cutover/contract.ts';
import type { CutoverRecord, KeptState } from '../../src/engine/cutover/ports.ts';
import { lockHeldSql } from './session.ts';

interface CutoverRow extends CutoverRecord {
  readonly createdAt: Date;
  readonly swappedAt: Date | null;
  readonly ageSeconds: number;
  readonly bytes: number;
  /** Some process is at work in this database. */
  readonly busy: boolean;
  readonly conflictCount: number;
  readonly unfinished: boolean | null;
}

const listSql = `
SELECT stamp, name, kind, status, of_stamp AS "ofStamp", tables, reason, actor, result - 'afterwards' - 'conflicts' AS kept,
  coalesce(jsonb_array_length(result -> 'conflicts'), 0) AS "conflictCount",
  result ? 'afterwards' AS unfinished, created_at AS "createdAt", swapped_at AS "swappedAt",
  extract(epoch FROM clock_timestamp() - coalesce(swapped_at, created_at))::float8 AS "ageSeconds",
  CASE WHEN kind = 'cutover' AND status = 'done' THEN coalesce((SELECT sum(pg_total_relation_size(c.oid))
    FROM jsonb_array_elements(tables) x JOIN pg_namespace n ON n.nspname = x -> 'displaced' ->> 'schema'
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = x -> 'displaced' ->> 'name'), 0) ELSE 0 END::float8 AS bytes,
  ${lockHeldSql} AS busy
FROM drover.cutovers WHERE $1::text IS NULL OR stamp = $1 ORDER BY stamp DESC`;

/** Every exchange, the newest first. One that prepares while nobody holds the lock has lost its process. */
export async function listEntries(pool: pg.Pool): Promise<CutoverEntry[]> {
  return (await pool.query<CutoverRow>(listSql, [null])).rows.map(entryOf);
}

export async function findView(pool: pg.Pool, stamp: string): Promise<CutoverView | undefined> {
  const [row] = (await pool.query<CutoverRow>(listSql, [stamp])).rows;
  return row && { ...entryOf(row), conflicts: await readConflicts(pool, stamp, 0, conflictsShown) };
}

const conflictsSql = `
SELECT c.value AS conflict FROM drover.cutovers x, jsonb_array_elements(x.result -> 'conflicts') WITH ORDINALITY c (value, n)
WHERE x.stamp = $1 AND n > $2 ORDER BY n LIMIT $3`;

export async function readConflicts(pool: pg.Pool, stamp: string, from: number, limit: number): Promise<Conflict[]> {
  const { rows } = await pool.query<{ conflict: Conflict }>(conflictsSql, [stamp, from, limit]);
  return rows.map(({ conflict }) => conflict);
}

function entryOf(row: CutoverRow): CutoverEntry {
  const status: CutoverStatus = row.status === 'preparing' && !row.busy ? 'interrupted' : row.status;
  const lost = row.unfinished === true && status === 'done' && !row.busy;
  const kept: KeptState = row.kept ?? {};
  const restorable = row.kind === 'cutover' && status === 'done';
  return {
    ...{ stamp: row.stamp, plan: row.name, kind: row.kind, status, ofStamp: row.ofStamp, tables: row.tables },
    ...{ reason: row.reason, actor: row.actor, ageSeconds: row.ageSeconds, bytes: row.bytes, restorable },
    createdAt: new Date(row.createdAt).toISOString(),
    swappedAt: row.swappedAt && new Date(row.swappedAt).toISOString(),
    progress: kept.progress ?? null,
    problems: [
      ...(kept.problems ?? []),
      ...(lost ? [afterwardsLost] : []),
      ...(status === 'interrupted' ? [lostWork] : []),
    ],
    ...{ counts: kept.counts ?? [], timing: kept.timing ?? null, unplanned: kept.unplanned ?? [] },
    ...{ carried: kept.carried ?? 0, conflictCount: row.conflictCount },
    nextActions: actionsOf(status, restorable, lost),
  };
}

const lostWork =
  'its process was lost before the swap: the live tables are as they were, and what was prepared stays on the incoming ones';
const afterwardsLost =
  'its process was lost after the swap: the tables have changed places, but keys from outside are not validated and views not refreshed yet';

function actionsOf(status: CutoverStatus, restorable: boolean, lost: boolean): CutoverAction[] {
  if (status === 'held' || status === 'interrupted') return ['go', 'abandon'];
  return [...(lost ? (['go'] as const) : []), ...(restorable ? (['rollback', 'drop-backup'] as const) : [])];
}
