import { DroverError } from '../errors.ts';
import type { Plan } from '../plan/contract.ts';
import type { Run } from './ports.ts';

type Begun = Pick<Run, 'id' | 'plan' | 'version'>;

/** True when the plan that is installed is not the one the run was begun under. */
export function isOtherVersion(run: Begun, plan: Pick<Plan, 'version'>): boolean {
  return plan.version !== run.version;
}

/**
 * A run goes on under the version it was begun under, or not at all: half its rows made by one mapping and half by
 * another would be right by neither. Throws PLAN_VERSION with the two ways forward.
 */
export function assertVersion(run: Begun, plan: Pick<Plan, 'version'>): void {
  if (!isOtherVersion(run, plan)) return;
  const message = `run ${run.id} was begun under ${run.plan}@${run.version}, this is ${run.plan}@${plan.version}`;
  throw new DroverError('PLAN_VERSION', message, {
    remedy: `Start a new run (what is in the target already is recognised and not doubled), or finish this one with API and workers that have ${run.plan}@${run.version}.`,
  });
}
