import type pg from 'pg';
import type { CutoverProgress, CutoverStatus, Exchange } from '../../src/engine/cutover/contract.ts';
import { backupSchema, quoteName } from '../../src/engine/cutover/names.ts';
import type { CutoverRecord, KeptState, SwapOptions } from '../../src/engine/cutover/ports.ts';
import { DroverError } from '../../src/errors.ts';
import { identifier } from '../../src/plan/sql.ts';
import { inTransaction, retryUntilLocked } from './session.ts';

const dependentObjectsCode = '2BP01';

/** Writes down who asked, as the last thing of the transaction in which it is done. */
export type AuditNote = (client: pg.PoolClient, stamp: string) => Promise<void>;

/**
 * Opens a record. Called by the one who holds the cutover lock, so one that is still preparing has lost its process.
 * It is not cleared away: what it left on the tables is for a person to decide on.
 */
export async function beginRecord(pool: pg.Pool, record: CutoverRecord, note: AuditNote): Promise<void> {
  await inTransaction(pool, '', async (client) => {
    const { rows } = await client.query<{ stamp: string; status: string }>(
      'SELECT stamp, status FROM drover.cutovers WHERE active IS NOT NULL',
    );
    if (rows[0]) {
      const what = rows[0].status === 'held' ? 'is held and waits for its go' : 'was interrupted';
      throw new DroverError('CUTOVER_REFUSED', `the cutover ${rows[0].stamp} ${what}`, {
        remedy: 'Tell it to go, or abandon it.',
      });
    }
    await client.query(
      `INSERT INTO drover.cutovers (stamp, name, kind, status, active, of_stamp, spec, tables, reason, actor)
       VALUES ($1, $2, $3, 'preparing', 'one', $4, $5, $6, $7, $8)`,
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

const markSql = `UPDATE drover.cutovers SET status = $2,
  active = CASE WHEN $2 IN ('preparing', 'held') THEN active END, result = coalesce($3::jsonb, result) WHERE stamp = $1`;

/** Only by the one who holds the lock (`holder`: its backend): who lost it has been taken for dead, and another may be at work. */
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

/** True while the backend holds an advisory lock: SQL. */
export const heldBySql = (pid: string): string =>
  `EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = ${pid})`;

export function lockLostError(stamp: string): DroverError {
  return new DroverError('NOT_ALLOWED_NOW', `the cutover ${stamp} is not this process's any more`, {
    remedy: 'Its connection was lost. `drover cutovers` shows where it stands; tell it to go again, or abandon it.',
  });
}

/** The same by an operator's word; what was kept of an earlier try is over. */
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

/** What others have built on a backup since is theirs: it is named, and nothing is dropped. */
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

/** Only schemas that were made for this backup, and nothing that somebody has put into one since. */
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

/** Changes older than every backup of their table are of no use to anyone; without a backup recording ends. */
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
    for (const name of ['zz_drover_capture', 'zz_drover_capture_truncate'])
      await client.query(`DROP TRIGGER IF EXISTS ${identifier(name)} ON ${quoteName(live)}`);
  }
}
