import type pg from 'pg';
import { identityScope } from '../../src/engine/identity-scope.ts';
import { running } from '../run-state.ts';
import { prepared } from '../sql.ts';

// What waits out a pause after a failed try does not hold the gate: its children would wait with it, and are told so.
const moving = `
SELECT EXISTS (
  SELECT 1 FROM drover.records WHERE run_id = $1 AND entity = $2 AND status = 'pending'
    AND stage IN ('extract', 'transform', 'load') AND (dispatched_at IS NOT NULL OR due_at <= now() OR attempts = 0)
) AS unsettled`;

/** True while a record of the entity may still come to be loaded without anybody's help. */
export async function unsettled(pool: pg.Pool, runId: string, entity: string): Promise<boolean> {
  const rows = await prepared<{ unsettled: boolean }>(pool, 'unsettled', moving, [runId, entity]);
  return rows[0]?.unsettled ?? false;
}

const known = 'SELECT EXISTS (SELECT 1 FROM drover.identities WHERE scope = $1 AND entity = $2) AS known';

/** True when an earlier run loaded records of the entity. */
export async function hasIdentities(
  targetPool: pg.Pool,
  plan: string,
  targetSchema: string,
  entity: string,
): Promise<boolean> {
  const rows = await prepared<{ known: boolean }>(targetPool, 'has_ids', known, [
    identityScope(plan, targetSchema),
    entity,
  ]);
  return rows[0]?.known ?? false;
}

const freed = `
WITH ${running}, free AS (
  UPDATE drover.records child SET status = 'pending', stage = 'load', code = NULL, field = NULL, message = NULL,
    blocked_by = NULL, epoch = child.epoch + 1, dispatched_at = NULL, due_at = now(), updated_at = now()
  FROM drover.records parent, running
  WHERE child.run_id = running.id AND child.status = 'blocked' AND parent.id = child.blocked_by AND parent.target_id IS NOT NULL
    AND (parent.status IN ('reconciled', 'skipped') OR (parent.stage = 'reconcile' AND parent.status = 'pending'))
  RETURNING 1
)
SELECT count(*)::int AS n FROM free`;

/** Frees blocked records whose parent has landed since. */
export async function unblock(pool: pg.Pool, runId: string): Promise<number> {
  const rows = await prepared<{ n: number }>(pool, 'unblock', freed, [runId]);
  return rows[0]?.n ?? 0;
}
