import type pg from 'pg';
import { queryPrepared } from '../../../db/sql.ts';
import { DroverError } from '../../errors.ts';
import { decideMerges } from '../ledger/merge.ts';
import { isWaitingForPoolSql, runningRunSql } from '../ledger/run-guard.sql.ts';
import type { RunEntity, StageCount } from '../ledger/types.ts';
import { entityOf, identityScope } from '../runs/context.ts';
import { openLoad } from './store.ts';
import type { ScheduledRun, SchedulerDeps } from './types.ts';

/**
 * Opens an entity's load once its parents are settled and its merges are decided. Gates are closed again only by a
 * retry that reads a source anew (SOURCE_SHORT); records added otherwise are checked one by one when they are loaded.
 */
export async function openLoadGates(deps: SchedulerDeps, scheduled: ScheduledRun): Promise<void> {
  const { run, counts } = scheduled;
  const entities = await deps.runs.entities(run.id);
  for (const entity of entities) {
    if (entity.loadOpen) continue;
    if (await canOpenLoad(deps, scheduled, entity, entities, counts))
      await openLoad(deps.database, run.id, entity.entity, entityOf(scheduled.plan, entity.entity).dependsOn);
  }
}

async function canOpenLoad(
  deps: SchedulerDeps,
  { run, plan }: ScheduledRun,
  entity: RunEntity,
  entities: readonly RunEntity[],
  counts: readonly StageCount[],
): Promise<boolean> {
  const definition = entityOf(plan, entity.entity);
  for (const parent of definition.dependsOn) {
    const inRun = entities.find((other) => other.entity === parent);
    if (!inRun) await assertParentMigrated(deps, run.plan, run.targetSchema, entity.entity, parent, counts);
    else if (
      inRun.status !== 'done' ||
      !inRun.loadOpen ||
      (await hasUnsettledRecords(deps.database.$client, run.id, parent))
    )
      return false;
  }
  if (!definition.merge || entity.mergedAt) return true;
  if (entity.status !== 'done') return false;
  if (
    hasUntransformedRecords(counts, entity.entity) &&
    (await hasUnkeyedRecords(deps.database.$client, run.id, entity.entity))
  )
    return false;
  return decideMerges(deps.database.$client, run.id, entity.entity, definition.merge);
}

function hasUntransformedRecords(counts: readonly StageCount[], entity: string): boolean {
  return counts.some(
    (count) =>
      count.entity === entity &&
      count.status === 'pending' &&
      (count.stage === 'transform' || count.stage === 'extract'),
  );
}

/** Throws MAPPING_NOT_FOUND when no parent was ever migrated: one error instead of one for each record. */
async function assertParentMigrated(
  deps: SchedulerDeps,
  plan: string,
  targetSchema: string,
  entity: string,
  parent: string,
  counts: readonly StageCount[],
): Promise<void> {
  if (!counts.some((count) => count.entity === entity)) return;
  if (await hasIdentities(deps.target.$client, plan, targetSchema, parent)) return;
  throw new DroverError(
    'MAPPING_NOT_FOUND',
    `${entity} are linked to ${parent}, and no ${parent} were migrated to ${targetSchema} yet.`,
    {
      remedy: `Migrate them first: drover run ${plan} --only ${parent}`,
    },
  );
}

// Merges need the keys of all records, not the hashes of their passwords.
const unkeyedSql = `
SELECT EXISTS (
  SELECT 1 FROM drover.records r WHERE run_id = $1 AND entity = $2 AND status = 'pending'
    AND stage IN ('extract', 'transform') AND NOT ${isWaitingForPoolSql('r')}
) AS unkeyed`;

/** True while the merge key of a record of the entity is not known. */
async function hasUnkeyedRecords(pool: pg.Pool, runId: string, entity: string): Promise<boolean> {
  const rows = await queryPrepared<{ unkeyed: boolean }>(pool, 'unkeyed', unkeyedSql, [runId, entity]);
  return rows[0]?.unkeyed ?? false;
}

// A record that waits for a retry, or for a password hash, does not hold the gate: its own children wait with it, one by one.
const unsettledSql = `
SELECT EXISTS (
  SELECT 1 FROM drover.records r WHERE run_id = $1 AND entity = $2 AND status = 'pending'
    AND stage IN ('extract', 'transform', 'load') AND NOT ${isWaitingForPoolSql('r')}
    AND (dispatched_at IS NOT NULL OR due_at <= now() OR attempts = 0)
) AS unsettled`;

/** True while a record of the entity may still be loaded without an operator's action. */
export async function hasUnsettledRecords(pool: pg.Pool, runId: string, entity: string): Promise<boolean> {
  const rows = await queryPrepared<{ unsettled: boolean }>(pool, 'unsettled', unsettledSql, [runId, entity]);
  return rows[0]?.unsettled ?? false;
}

const hasIdentitiesSql = 'SELECT EXISTS (SELECT 1 FROM drover.identities WHERE scope = $1 AND entity = $2) AS known';

/** True when an earlier run loaded records of the entity. */
export async function hasIdentities(
  targetPool: pg.Pool,
  plan: string,
  targetSchema: string,
  entity: string,
): Promise<boolean> {
  const rows = await queryPrepared<{ known: boolean }>(targetPool, 'has_ids', hasIdentitiesSql, [
    identityScope(plan, targetSchema),
    entity,
  ]);
  return rows[0]?.known ?? false;
}

const unblockSql = `
WITH ${runningRunSql}, free AS (
  UPDATE drover.records child SET status = 'pending', stage = 'load', code = NULL, field = NULL, message = NULL,
    blocked_by = NULL, epoch = child.epoch + 1, dispatched_at = NULL, due_at = now(), updated_at = now()
  FROM drover.records parent, running
  WHERE child.run_id = running.id AND child.status = 'blocked' AND parent.id = child.blocked_by AND parent.target_id IS NOT NULL
    AND (parent.status IN ('reconciled', 'skipped') OR (parent.stage = 'reconcile' AND parent.status = 'pending'))
  RETURNING 1
)
SELECT count(*)::int AS n FROM free`;

/** Makes blocked records pending whose parent was loaded since; returns how many. */
export async function unblock(pool: pg.Pool, runId: string): Promise<number> {
  const rows = await queryPrepared<{ n: number }>(pool, 'unblock', unblockSql, [runId]);
  return rows[0]?.n ?? 0;
}
