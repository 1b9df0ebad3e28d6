import type { Plan } from '../plan/contract.ts';
import type { TargetScope } from '../plan/target.ts';
import { entityOf } from './contexts.ts';
import type { Run } from './ports.ts';

/** Where the rows of an entity go in a run. */
export function targetScope(run: Pick<Run, 'id' | 'targetSchema'>, plan: Plan, entity: string): TargetScope {
  const definition = entityOf(plan, entity);
  const { table } = definition.target;
  const neighbours = Object.entries(plan.entities).filter(
    ([name, { target }]) => name !== entity && target.table === table,
  );
  return {
    runId: run.id,
    plan: plan.name,
    entity,
    targetSchema: run.targetSchema,
    definition,
    sharingEntities: neighbours.map(([name]) => name),
  };
}
