import type pg from 'pg';
import type { BackupView, CutoverStatus, Exchange } from '../../src/engine/cutover/contract.ts';
import { quote } from '../../src/engine/cutover/names.ts';
import type { CutoverRecord, SwapOptions } from '../../src/engine/cutover/ports.ts';
import { DroverError } from '../../src/errors.ts';
import { identifier } from '../../src/plan/sql.ts';
import { inTransaction, untilLocked } from './session.ts';

const fields = `stamp, name, kind, status, of_stamp AS "ofStamp", spec, tables, reason, actor`;

/** Opens a record. Called by the one who holds the cutover lock: whoever else is still preparing is dead. */
export async function begin(pool: pg.Pool, record: CutoverRecord): Promise<void> {
  await inTransaction(pool, '', async (client) => {
    await client.query(
      `UPDATE drover.cutovers SET status = 'failed', active = NULL WHERE active IS NOT NULL AND status = 'preparing'`,
    );
    const { rows } = await client.query<{ stamp: string }>(
      'SELECT stamp FROM drover.cutovers WHERE active IS NOT NULL',
    );
    if (rows[0])
      throw new DroverError('CUTOVER_REFUSED', `the cutover ${rows[0].stamp} is held and waits for its go`, {
        remedy: 'Tell it to go, or abandon it.',
      });
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
  });
}

export async function mark(pool: pg.Pool, stamp: string, status: CutoverStatus, result: unknown): Promise<void> {
  await pool.query(
    `UPDATE drover.cutovers SET status = $2, active = CASE WHEN $2 IN ('preparing', 'held') THEN active END,
       result = coalesce($3::jsonb, result) WHERE stamp = $1`,
    [stamp, status, result === undefined ? null : JSON.stringify(result)],
  );
}

export async function find(pool: pg.Pool, stamp: string): Promise<CutoverRecord | undefined> {
  return (await pool.query<CutoverRecord>(`SELECT ${fields} FROM drover.cutovers WHERE stamp = $1`, [stamp])).rows[0];
}

const listSql = `
SELECT ${fields}, created_at AS "createdAt", swapped_at AS "swappedAt",
  extract(epoch FROM clock_timestamp() - coalesce(swapped_at, created_at))::float8 AS "ageSeconds",
  CASE WHEN kind = 'cutover' AND status = 'done' THEN coalesce((SELECT sum(pg_total_relation_size(c.oid))
    FROM jsonb_array_elements(tables) x JOIN pg_namespace n ON n.nspname = x -> 'displaced' ->> 'schema'
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = x -> 'displaced' ->> 'name'), 0) ELSE 0 END::float8 AS bytes
FROM drover.cutovers ORDER BY stamp DESC`;

export async function list(pool: pg.Pool): Promise<BackupView[]> {
  const { rows } = await pool.query<BackupView & { createdAt: Date; swappedAt: Date | null }>(listSql);
  return rows.map((row) => ({
    ...{ stamp: row.stamp, name: row.name, kind: row.kind, status: row.status, tables: row.tables },
    ...{ reason: row.reason, actor: row.actor, ageSeconds: row.ageSeconds, bytes: row.bytes },
    createdAt: new Date(row.createdAt).toISOString(),
    swappedAt: row.swappedAt && new Date(row.swappedAt).toISOString(),
    restorable: row.kind === 'cutover' && row.status === 'done',
  }));
}

/** Drops the backup's tables together, so that their keys to each other are no hindrance, and nothing else with them. */
export async function drop(pool: pg.Pool, record: CutoverRecord, options: SwapOptions): Promise<void> {
  await untilLocked(options, () =>
    inTransaction(pool, '', async (client) => {
      await client.query(`SET LOCAL lock_timeout = ${Math.round(options.lockTimeoutMs)}`);
      await client.query(`DROP TABLE IF EXISTS ${record.tables.map(({ displaced }) => quote(displaced)).join(', ')}`);
      for (const schema of new Set(record.tables.map(({ displaced }) => displaced.schema))) {
        const { rowCount } = await client.query(
          'SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1',
          [schema],
        );
        if (rowCount === 0) await client.query(`DROP SCHEMA IF EXISTS ${identifier(schema)}`);
      }
      await client.query(`UPDATE drover.cutovers SET status = 'dropped' WHERE stamp = $1`, [record.stamp]);
      await endRecording(client, record.tables);
    }),
  );
}

/** Changes older than every backup of their table are of no use to anyone; without a backup recording ends. */
async function endRecording(client: pg.PoolClient, tables: readonly Exchange[]): Promise<void> {
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
      await client.query(`DROP TRIGGER IF EXISTS ${identifier(name)} ON ${quote(live)}`);
  }
}
