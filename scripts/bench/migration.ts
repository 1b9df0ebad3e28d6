import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createSqlPort } from '../../db/sql.ts';
import { createPostgresTarget } from '../../src/targets/postgres/index.ts';
import { benchPlan, benchRecord } from './plan.ts';

const chunk = 5_000;

/** Puts a run with n records, extracted and due for their transform, into the ledger; held back until `release`. */
export async function prepareRun(databaseUrl: string, id: string, n: number, batchSize: number): Promise<void> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  try {
    await createPostgresTarget(createSqlPort(pool)).prepare(benchPlan, ['items'], id);
    await pool.query(
      `INSERT INTO drover.runs (id, plan, version, strategy, dry_run, status, target_schema, batch_size, max_failure_percent,
         skip_existing, export_only, scope, params, stamp, created_by, started_at)
       VALUES ($1, 'bench', '1', 'full', false, 'paused', $1, $2, 50, false, false, '{}', '{}', '20260101_000000', 'bench', now())`,
      [id, batchSize],
    );
    await pool.query(
      `INSERT INTO drover.run_entities (run_id, entity, position, status, load_open) VALUES ($1, 'items', 0, 'done', true)`,
      [id],
    );
    for (let at = 0; at < n; at += chunk) await storeRecords(pool, id, at, Math.min(n, at + chunk));
    await pool.query('VACUUM ANALYZE drover.records');
  } finally {
    await pool.end();
  }
}

async function storeRecords(pool: pg.Pool, id: string, from: number, to: number): Promise<void> {
  const rows = Array.from({ length: to - from }, (_, index) => ({
    source_id: `b${from + index}`,
    raw: benchRecord(from + index),
  }));
  await pool.query(
    `WITH input AS (SELECT * FROM json_to_recordset($2::json) AS x(source_id text, raw json)),
     stored AS (INSERT INTO drover.records (run_id, entity, source_id, stage, status)
       SELECT $1, 'items', source_id, 'transform', 'pending' FROM input RETURNING id, source_id)
     INSERT INTO drover.payloads (record_id, raw) SELECT s.id, i.raw FROM stored s JOIN input i USING (source_id)`,
    [id, JSON.stringify(rows)],
  );
}

/** Lets a prepared run go and waits until every record is reconciled; answers the seconds it took. */
export async function timeRun(
  databaseUrl: string,
  id: string,
  n: number,
  whileRunning?: () => Promise<void>,
): Promise<number> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  try {
    const started = performance.now();
    await pool.query(`UPDATE drover.runs SET status = 'running', status_at = now() WHERE id = $1`, [id]);
    for (;;) {
      const done = await pool.query<{ n: string | null }>(
        `SELECT sum(n) AS n FROM drover.counts WHERE run_id = $1 AND status = 'reconciled'`,
        [id],
      );
      if (Number(done.rows[0]?.n ?? 0) >= n) return (performance.now() - started) / 1_000;
      await whileRunning?.();
      await sleep(20);
    }
  } finally {
    await pool.end();
  }
}
