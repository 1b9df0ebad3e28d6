import { drizzle } from 'drizzle-orm/node-postgres';
import type pg from 'pg';
import type { Database } from '../../../db/client.ts';
import * as schema from '../../../db/schema/index.ts';
import { appendAudit, createAuditLog, type Transaction } from '../../../db/stores/audit.ts';
import {
  type Conflict,
  type CutoverAction,
  type CutoverEntry,
  type CutoverProgress,
  type CutoverSpec,
  type CutoverStatus,
  type CutoverView,
  type Exchange,
  maxConflictsInView,
} from '../../contract/cutover.ts';
import { DroverError } from '../../errors.ts';
import { identifier } from '../../plan/sql.ts';
import type { Run } from '../ledger/types.ts';
import { createRunStore } from '../runs/store.ts';
import { backupSchema, quoteName } from './names.ts';
import { inTransaction, lockHeldBySql, retryUntilLocked } from './session.sql.ts';
import type { Carried, CutoverNote, CutoverRecord, KeptState, SwapOptions } from './types.ts';

// An earlier rollback to the same backup that ended before its swap has carried changes, and they are not carried again.
// What it could not carry is as true of this one. An earlier one has inherited from those before it.
const inheritedSql = `SELECT ${carriedOfSql('x.result')} FROM drover.cutovers x
  WHERE x.kind = 'rollback' AND x.of_stamp = $4 AND x.result IS NOT NULL ORDER BY x.stamp DESC LIMIT 1`;

const dependentObjectsCode = '2BP01';

/** Writes the operator's request into the audit log, as the last statement of the transaction that carries it out. */
export type AuditNote = (client: pg.PoolClient, stamp: string) => Promise<void>;

/**
 * Opens a record. The caller holds the cutover lock, so a record that is still `preparing` has lost its process. It is not
 * removed: an operator decides what becomes of the objects it left on the tables.
 */
export async function beginRecord(pool: pg.Pool, record: CutoverRecord, note: AuditNote): Promise<void> {
  await inTransaction(pool, '', async (client) => {
    const { rows } = await client.query<{ stamp: string; status: string }>(
      'SELECT stamp, status FROM drover.cutovers WHERE active IS NOT NULL',
    );
    if (rows[0]) {
      const what = rows[0].status === 'held' ? 'is held and waits for its go' : 'was interrupted';
      throw new DroverError('CUTOVER_REFUSED', `the cutover ${rows[0].stamp} ${what}`, {
        remedy: 'Resume it with `drover cutover go`, or abandon it.',
      });
    }
    await client.query(
      `INSERT INTO drover.cutovers (stamp, name, kind, status, active, of_stamp, spec, tables, reason, actor, result)
       VALUES ($1, $2, $3, 'preparing', 'one', $4, $5, $6, $7, $8, (${inheritedSql}))`,
      [
        record.stamp,
        record.name,
        record.kind,
        record.ofStamp,
        JSON.stringify(record.spec),
        JSON.stringify(record.tables),
        record.reason,
        record.actor,
      ],
    );
    await note(client, record.stamp);
  });
}

/** What was carried and what was not: it stays true whatever becomes of the exchange. SQL. */
function carriedOfSql(result: string): string {
  return `coalesce((SELECT jsonb_object_agg(key, value) FROM jsonb_each(${result}) WHERE key IN ('carried', 'conflicts')), '{}')`;
}

/** Adds to what a rollback has carried and could not carry, in the transaction that carries it. */
export async function noteCarried(
  client: pg.PoolClient,
  stamp: string,
  { carried, conflicts }: Carried,
): Promise<void> {
  if (carried === 0 && conflicts.length === 0) return;
  await client.query(
    `UPDATE drover.cutovers SET result = coalesce(result, '{}') || jsonb_build_object(
       'carried', coalesce((result ->> 'carried')::bigint, 0) + $2::bigint,
       'conflicts', coalesce(result -> 'conflicts', '[]') || $3::jsonb)
     WHERE stamp = $1`,
    [stamp, carried, JSON.stringify(conflicts)],
  );
}

const markSql = `UPDATE drover.cutovers SET status = $2,
  active = CASE WHEN $2 IN ('preparing', 'held') THEN active END,
  result = coalesce($3::jsonb || ${carriedOfSql('result')}, result) WHERE stamp = $1`;

/** Only while `holder`, a backend, holds the lock: another process may have taken over from one that lost it. */
export async function saveStatus(
  pool: pg.Pool,
  stamp: string,
  status: CutoverStatus,
  kept: KeptState | undefined,
  holder: number,
): Promise<void> {
  const text = `${markSql} AND ${heldBySql('$4')}`;
  const marked = await pool.query(text, [stamp, status, kept === undefined ? null : JSON.stringify(kept), holder]);
  if (marked.rowCount !== 1) throw lockLostError(stamp);
}

/** True while the backend holds the lock of the cutover: SQL. */
export const heldBySql = (pid: string): string => lockHeldBySql(`AND l.pid = ${pid}`);

export function lockLostError(stamp: string): DroverError {
  return new DroverError('NOT_ALLOWED_NOW', `this process no longer holds the lock of the cutover ${stamp}`, {
    remedy:
      'Its connection was lost. `drover cutovers` shows where it stands; resume it with `drover cutover go`, or abandon it.',
  });
}

/** The same at an operator's request; what was kept of an earlier try is deleted, but for what was carried. */
export async function applyDecision(
  pool: pg.Pool,
  stamp: string,
  status: CutoverStatus,
  note: AuditNote,
): Promise<void> {
  await inTransaction(pool, '', async (client) => {
    await client.query(markSql, [stamp, status, '{}']);
    await note(client, stamp);
  });
}

export async function saveProgress(pool: pg.Pool, stamp: string, at: CutoverProgress): Promise<void> {
  await pool.query(
    `UPDATE drover.cutovers SET result = coalesce(result, '{}') || jsonb_build_object('progress', $2::jsonb) WHERE stamp = $1`,
    [stamp, JSON.stringify(at)],
  );
}

const findSql = `SELECT stamp, name, kind, status, of_stamp AS "ofStamp", spec, tables, reason, actor, result AS kept
  FROM drover.cutovers WHERE stamp = $1`;

export async function findRecord(pool: pg.Pool, stamp: string): Promise<CutoverRecord | undefined> {
  return (await pool.query<CutoverRecord>(findSql, [stamp])).rows[0];
}

/** Drops the backup's tables together, so that their keys to each other are no hindrance, and nothing else with them. */
export async function dropBackup(
  pool: pg.Pool,
  record: CutoverRecord,
  options: SwapOptions,
  note: AuditNote,
): Promise<void> {
  await retryUntilLocked(options, () =>
    inTransaction(pool, '', async (client) => {
      await client.query(`SET LOCAL lock_timeout = ${Math.round(options.lockTimeoutMs)}`);
      await client
        .query(`DROP TABLE IF EXISTS ${record.tables.map(({ displaced }) => quoteName(displaced)).join(', ')}`)
        .catch(throwStillUsed);
      await dropEmptyBackupSchemas(client, record.stamp, record.tables);
      await client.query(`UPDATE drover.cutovers SET status = 'dropped' WHERE stamp = $1`, [record.stamp]);
      await deleteOldChanges(client, record.tables);
      await note(client, record.stamp);
    }),
  );
}

/** Objects that depend on a backup are named, and nothing is dropped. */
function throwStillUsed(error: { readonly code?: string; readonly detail?: string }): never {
  if (error.code !== dependentObjectsCode) throw error;
  const what = (error.detail ?? '').replaceAll('\n', '; ');
  throw new DroverError('NOT_ALLOWED_NOW', `the backup is still used: ${what}`, {
    cause: error,
    remedy: 'Drop or change what is named, and ask again.',
  });
}

export async function dropEmptySchemas(pool: pg.Pool, stamp: string, tables: readonly Exchange[]): Promise<void> {
  await inTransaction(pool, '', (client) => dropEmptyBackupSchemas(client, stamp, tables));
}

/** Only schemas that were made for this backup, and only while they are empty. */
async function dropEmptyBackupSchemas(
  client: pg.PoolClient,
  stamp: string,
  tables: readonly Exchange[],
): Promise<void> {
  for (const schema of new Set(tables.map(({ live }) => backupSchema(live.schema, stamp)))) {
    await client.query('SAVEPOINT empty');
    try {
      await client.query(`DROP SCHEMA IF EXISTS ${identifier(schema)} RESTRICT`);
    } catch (error) {
      if ((error as { code?: string }).code !== dependentObjectsCode) throw error;
      await client.query('ROLLBACK TO SAVEPOINT empty');
    }
    await client.query('RELEASE SAVEPOINT empty');
  }
}

/** Changes older than every backup of their table are deleted; without a backup recording ends. */
async function deleteOldChanges(client: pg.PoolClient, tables: readonly Exchange[]): Promise<void> {
  for (const { live } of tables) {
    const { rows } = await client.query<{ oldest: string | null }>(
      `SELECT min(stamp) AS oldest FROM drover.cutovers WHERE kind = 'cutover' AND status = 'done'
       AND tables @> $1::jsonb`,
      [JSON.stringify([{ live }])],
    );
    const oldest = rows[0]?.oldest ?? null;
    await client.query(
      'DELETE FROM drover.cutover_changes WHERE schema_name = $1 AND table_name = $2 AND ($3::text IS NULL OR stamp < $3)',
      [live.schema, live.name, oldest],
    );
    if (oldest !== null) continue;
    for (const name of await readCaptureTriggers(client, live))
      await client.query(`DROP TRIGGER ${identifier(name)} ON ${quoteName(live)}`);
  }
}

/** Found by their function: their names differ between versions. */
async function readCaptureTriggers(client: pg.PoolClient, live: Exchange['live']): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT tgname AS name FROM pg_trigger WHERE tgrelid = to_regclass($1)
     AND tgfoid IN (to_regprocedure('drover.capture_change()'), to_regprocedure('drover.capture_truncate()'))`,
    [quoteName(live)],
  );
  return rows.map(({ name }) => name);
}

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
  ${lockHeldBySql()} AS busy
FROM drover.cutovers WHERE $1::text IS NULL OR stamp = $1 ORDER BY stamp DESC`;

/** Every exchange, the newest first. One that is `preparing` while the lock is free has lost its process. */
export async function listEntries(pool: pg.Pool): Promise<CutoverEntry[]> {
  return (await pool.query<CutoverRow>(listSql, [null])).rows.map(entryOf);
}

export async function findView(pool: pg.Pool, stamp: string): Promise<CutoverView | undefined> {
  const [row] = (await pool.query<CutoverRow>(listSql, [stamp])).rows;
  return row && { ...entryOf(row), conflicts: await readConflicts(pool, stamp, 0, maxConflictsInView) };
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

/**
 * Writes an operator's request into the audit log: in the transaction that carries it out where the log is in the same
 * database; else before that commits, so that nothing is done without a row in the log.
 */
export function auditNote(database: Database, sameDatabase: boolean, note: CutoverNote): AuditNote {
  return async (client, stamp) => {
    const entry = {
      actor: note.actor.id,
      role: note.actor.role,
      action: `cutover.${note.action}`,
      subject: `cutover:${stamp}`,
      reason: note.reason,
      details: note.details,
    };
    if (sameDatabase) await appendAudit(drizzle(client, { schema }) as unknown as Transaction, entry);
    else await createAuditLog(database).append(entry);
  };
}

const newestSql = `
SELECT DISTINCT ON (e.entity) e.entity, r.id FROM drover.runs r JOIN drover.run_entities e ON e.run_id = r.id
WHERE r.plan = $1 AND r.target_schema = $2 AND NOT r.dry_run AND NOT r.export_only
ORDER BY e.entity, r.created_at DESC, r.id DESC`;

/** The newest run that loaded, or is loading, each entity of the plan into the schema; by entity. */
export async function readNewestRunsByEntity(
  database: Database,
  plan: string,
  schema: string,
): Promise<ReadonlyMap<string, Run>> {
  const { rows } = await database.$client.query<{ entity: string; id: string }>(newestSql, [plan, schema]);
  const store = createRunStore(database);
  const runs = new Map<string, Run | undefined>();
  for (const id of new Set(rows.map((row) => row.id))) runs.set(id, await store.find(id));
  return new Map(rows.flatMap(({ entity, id }) => (runs.has(id) ? [[entity, runs.get(id) as Run]] : [])));
}

const writtenSql = `
SELECT DISTINCT coalesce(c.new, c.old) ->> 'id' AS id FROM drover.cutover_changes c
JOIN drover.cutovers x ON x.stamp = c.stamp AND x.kind = 'cutover' AND x.status = 'restored'
WHERE c.at > $1 AND coalesce(c.new, c.old) ->> 'id' = ANY ($2::text[])
  AND EXISTS (SELECT FROM jsonb_array_elements($3::jsonb) p WHERE x.tables @> jsonb_build_array(p)
    AND c.schema_name = p -> 'live' ->> 'schema' AND c.table_name = p -> 'live' ->> 'name')`;

/** Those of the ids whose rows were written after the run, while the incoming tables of the set were the live ones. */
export async function findRowsWrittenLive(
  pool: pg.Pool,
  run: Run,
  spec: CutoverSpec,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  const pairs = spec.tables.map(({ incoming, live }) => ({ incoming, live }));
  const { rows } = await pool.query<{ id: string }>(writtenSql, [
    run.finishedAt ?? run.createdAt,
    ids,
    JSON.stringify(pairs),
  ]);
  return new Set(rows.map((row) => row.id));
}
