import { DroverError } from '../../errors.ts';
import { entityOf } from '../contexts.ts';
import type { RunEntity } from '../ports.ts';
import type { Conducted, ConductorDeps, StageCount } from './ports.ts';

/**
 * Opens an entity's load once its parents are settled and its merges are decided. Records pass a gate only in one
 * direction: what is added later finds it open, and meets the same questions one by one at its load.
 */
export async function openGates(deps: ConductorDeps, conducted: Conducted): Promise<void> {
  const { run, counts } = conducted;
  const entities = await deps.store.entities(run.id);
  for (const entity of entities) {
    if (entity.loadOpen) continue;
    if (await mayOpen(deps, conducted, entity, entities, counts)) await deps.store.openLoad(run.id, entity.entity);
  }
}

async function mayOpen(
  deps: ConductorDeps,
  { run, plan }: Conducted,
  entity: RunEntity,
  entities: readonly RunEntity[],
  counts: readonly StageCount[],
): Promise<boolean> {
  const definition = entityOf(plan, entity.entity);
  for (const parent of definition.dependsOn) {
    const inRun = entities.find((other) => other.entity === parent);
    if (!inRun) await assertMigrated(deps, run.plan, run.targetSchema, entity.entity, parent, counts);
    else if (inRun.status !== 'done' || !inRun.loadOpen || (await deps.store.unsettled(run.id, parent))) return false;
  }
  if (!definition.merge || entity.mergedAt) return true;
  if (entity.status !== 'done' || waitsForTransform(counts, entity.entity)) return false;
  return deps.store.decideMerges(run.id, entity.entity, definition.merge);
}

function waitsForTransform(counts: readonly StageCount[], entity: string): boolean {
  return counts.some(
    (count) =>
      count.entity === entity &&
      count.status === 'pending' &&
      (count.stage === 'transform' || count.stage === 'extract'),
  );
}

/** Without its parents' ids no record of the entity can be linked; better said once than rejected a thousand times. */
async function assertMigrated(
  deps: ConductorDeps,
  plan: string,
  targetSchema: string,
  entity: string,
  parent: string,
  counts: readonly StageCount[],
): Promise<void> {
  if (!counts.some((count) => count.entity === entity)) return;
  if (await deps.store.hasIdentities(plan, targetSchema, parent)) return;
  throw new DroverError(
    'MAPPING_NOT_FOUND',
    `${entity} are linked to ${parent}, and no ${parent} were migrated to ${targetSchema} yet.`,
    {
      remedy: `Migrate them first: drover run ${plan} --only ${parent}`,
    },
  );
}
