import { eq } from 'drizzle-orm';
import type pg from 'pg';
import type { Database } from '../../../db/client.ts';
import { withDatabaseErrors } from '../../../db/errors.ts';
import { runs } from '../../../db/schema/runs.ts';
import { queryPrepared } from '../../../db/sql.ts';
import type { Plan } from '../../plan/contract.ts';
import { fingerprint } from '../ledger/hashes.ts';
import type { Run, RunEntity } from '../ledger/types.ts';

/**
 * A watermark says: everything of an entity up to this moment is in the target. It lies in the target's database beside the
 * rows, one row for each run and entity. A run adds its rows without a watermark before it loads, and sets the watermarks
 * when it is finished; a rollback of any run, by command or by SQL file, deletes all rows of (plan, schema) in its
 * transaction. So a run whose rows were deleted in between sets none, and the next incremental run reads everything.
 */
export interface WatermarkDeps {
  readonly database: Database;
  readonly target: Database;
}

const settingsLeftOut = /(KEY|TOKEN|SECRET|PASSWORD|_MAX_RPS)$/;

/**
 * What a watermark is valid for: the plan's parameters (field map, tables) and its settings (addresses, folders). Secrets
 * are left out, because a new API key reads the same source, and so are rate limits.
 */
export function sourceFingerprint(
  plan: Plan,
  params: Run['params'],
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const parsed = plan.settings.safeParse(environment);
  const settings = Object.entries(parsed.success ? parsed.data : {}).flatMap(([name, value]) =>
    typeof value === 'string' && !settingsLeftOut.test(name) ? [[name, value] as const] : [],
  );
  return fingerprint({ params, settings: Object.fromEntries(settings) });
}

const earliestSql = `
SELECT entity, to_char(max(watermark::timestamptz) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS watermark
FROM drover.watermarks
WHERE plan = $1 AND target_schema = $2 AND fingerprint = $3 AND entity = ANY ($4::text[]) AND watermark IS NOT NULL
GROUP BY entity`;

/** Where an incremental run starts: the earliest watermark of its entities; undefined when one of them has none. */
async function readStart(pool: pg.Pool, run: Run, print: string, entities: readonly string[]) {
  const values = [run.plan, run.targetSchema, print, entities];
  const rows = await queryPrepared<{ watermark: string }>(pool, undefined, earliestSql, values);
  return rows.length < entities.length ? undefined : rows.map((row) => row.watermark).sort()[0];
}

const openSql = `
INSERT INTO drover.watermarks AS w (plan, target_schema, entity, fingerprint, run_id, since)
SELECT $1, $2, entity, $3, $4, $5 FROM unnest($6::text[]) AS entity
ON CONFLICT (plan, target_schema, entity, fingerprint, run_id) DO UPDATE SET since = excluded.since, watermark = NULL`;

/** True for runs that set watermarks when they finish. */
export function setsWatermarks(run: Run): boolean {
  return !run.dryRun && !run.exportOnly && run.strategy !== 'selective' && run.scope.trial === undefined;
}

/**
 * Prepares a run before its first record is dispatched: sets `scope.since` of an incremental run that was started without
 * one, and adds its rows without a watermark. Safe to repeat; the start is then read again.
 */
export async function openWatermarks(
  { database, target }: WatermarkDeps,
  run: Run,
  print: string,
  entities: readonly string[],
): Promise<void> {
  let { since, sinceWatermark = false } = run.scope;
  if (run.strategy === 'incremental' && (since === undefined || sinceWatermark)) {
    since = await readStart(target.$client, run, print, entities);
    const { since: _before, sinceWatermark: _set, ...rest } = run.scope;
    const scope = since === undefined ? rest : { ...rest, since, sinceWatermark: true };
    await withDatabaseErrors(database.update(runs).set({ scope }).where(eq(runs.id, run.id)));
    sinceWatermark = true;
  }
  if (!setsWatermarks(run)) return;
  const values = [run.plan, run.targetSchema, print, run.id, since ?? null, entities];
  await queryPrepared(target.$client, undefined, openSql, values);
}

// A run with a window continues what an earlier one has read up to its beginning; behind a gap nothing is set.
const saveSql = `
UPDATE drover.watermarks w SET watermark = i.watermark, updated_at = now()
FROM json_to_recordset($3::json) AS i(entity text, watermark text)
WHERE w.plan = $1 AND w.target_schema = $2 AND w.run_id = $4 AND w.entity = i.entity
  AND (w.since IS NULL OR EXISTS (
    SELECT FROM drover.watermarks o WHERE o.plan = w.plan AND o.target_schema = w.target_schema AND o.entity = w.entity
      AND o.fingerprint = w.fingerprint AND o.run_id <> w.run_id AND o.watermark::timestamptz >= w.since::timestamptz))`;

/**
 * Sets the watermarks of a finished run: the newest change seen, but not later than the run's start (what changed while it
 * was read may have been read before) nor than its `until`. None for an entity that failed or gave fewer records than it
 * counts, none behind a gap, and none when a rollback has deleted the rows meanwhile.
 */
export async function saveWatermarks(target: Database, run: Run, entities: readonly RunEntity[]): Promise<void> {
  if (!setsWatermarks(run)) return;
  const limits = [(run.startedAt ?? run.createdAt).toISOString(), ...(run.scope.until ? [run.scope.until] : [])];
  const rows = entities
    .filter((entity) => entity.status === 'done' && entity.errorCode === null && entity.watermark !== null)
    .map(({ entity, watermark }) => {
      const times = [watermark as string, ...limits].map((text) => new Date(text).toISOString());
      return { entity, watermark: times.sort()[0] };
    });
  if (rows.length === 0) return;
  await queryPrepared(target.$client, undefined, saveSql, [run.plan, run.targetSchema, JSON.stringify(rows), run.id]);
}

const dropSql = 'DELETE FROM drover.watermarks WHERE plan = $1 AND target_schema = $2';

/** Deletes all watermarks of (plan, schema). */
export async function dropWatermarks(pool: pg.Pool, plan: string, targetSchema: string): Promise<void> {
  await queryPrepared(pool, undefined, dropSql, [plan, targetSchema]);
}
