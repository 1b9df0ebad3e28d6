import { identifier, literal } from '../../../plan/sql.ts';
import type { PlanContext } from './context.ts';

/** Begins the statement that makes the function: it may be said again, and the catalog does not show that it was. */
export const captureFunctionPrefix = 'DO $capture$';

/**
 * TRUNCATE tells triggers of no row, but before it the rows are still there, and nobody else can write: each is recorded as
 * what it was, with the rights of who runs the cutover. Where a policy hides rows even from the owner, what is not seen
 * cannot be recorded; then only that it happened is.
 */
const captureTruncateSql = `${captureFunctionPrefix} BEGIN
IF pg_catalog.to_regprocedure('drover.capture_truncate()') IS NULL THEN
  CREATE FUNCTION drover.capture_truncate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  SET search_path = pg_catalog, pg_temp AS $function$
  BEGIN
    -- No exception is caught here: that would begin a subtransaction, and what one TRUNCATE took would not be told as one.
    IF row_security_active(TG_RELID) THEN
      INSERT INTO drover.cutover_changes (stamp, schema_name, table_name, operation)
      VALUES (TG_ARGV[0], TG_TABLE_SCHEMA, TG_TABLE_NAME, 'TRUNCATE');
    ELSE
      EXECUTE format('INSERT INTO drover.cutover_changes (stamp, schema_name, table_name, operation, old)
        SELECT $1, $2, $3, ''TRUNCATE'', to_jsonb(t.*) FROM ONLY %I.%I t', TG_TABLE_SCHEMA, TG_TABLE_NAME)
        USING TG_ARGV[0], TG_TABLE_SCHEMA, TG_TABLE_NAME;
    END IF;
    RETURN NULL;
  END $function$;
END IF; END $capture$`;

/** Triggers that record what is written from now on, so that a rollback can carry it back. */
export function planCapture(scene: PlanContext): void {
  const { draft, stamp } = scene;
  const name = identifier('zz_drover_capture');
  const truncated = identifier('zz_drover_capture_truncate');
  if (scene.capture)
    draft.statement(
      'shape',
      'capture',
      'the function that records a TRUNCATE, where it is missing',
      captureTruncateSql,
    );
  for (const pair of scene.pairs) {
    const own = (table: typeof pair.live) =>
      table.triggers.filter((trigger) => trigger.capture).map((trigger) => identifier(trigger.name));
    for (const trigger of own(pair.incoming))
      draft.statement(
        'clear',
        `capture ${pair.label}`,
        'old recording ends',
        `DROP TRIGGER ${trigger} ON ${pair.before}`,
      );
    for (const trigger of own(pair.live))
      draft.statement(
        'letGo',
        `capture ${pair.label}`,
        'old recording ends',
        `DROP TRIGGER ${trigger} ON ${pair.after}`,
      );
    if (!scene.capture) continue;
    draft.step(
      'capture',
      'capture',
      pair.label,
      'changes are recorded from now on',
      `CREATE TRIGGER ${name} AFTER INSERT OR UPDATE OR DELETE ON ${pair.after} FOR EACH ROW EXECUTE FUNCTION drover.capture_change(${literal(stamp)})`,
    );
    draft.statement(
      'capture',
      `capture ${pair.label}`,
      'truncation is recorded',
      `CREATE TRIGGER ${truncated} BEFORE TRUNCATE ON ${pair.after} FOR EACH STATEMENT EXECUTE FUNCTION drover.capture_truncate(${literal(stamp)})`,
    );
    // Also in sessions that set session_replication_role: what they write is live all the same.
    for (const trigger of [name, truncated])
      draft.statement(
        'capture',
        `capture ${pair.label}`,
        'whoever writes',
        `ALTER TABLE ${pair.after} ENABLE ALWAYS TRIGGER ${trigger}`,
      );
  }
}
