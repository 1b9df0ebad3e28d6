import { DroverError } from '../errors.ts';
import type { Entity, Plan } from '../plan/contract.ts';
import { assertVersion } from './plan-version.ts';
import type { Run, RunEntity, RunStore } from './ports.ts';

/** A run with its plan, as it was at most `maxAgeMs` ago. */
export interface RunContext {
  readonly run: Run;
  readonly plan: Plan;
  readonly entities: ReadonlyMap<string, RunEntity>;
}

export interface RunContexts {
  /** Throws NOT_FOUND for an unknown run and PLAN_VERSION when the run was begun under another version. */
  get(runId: string): Promise<RunContext>;
}

/** Keeps run contexts for a moment: hundreds of jobs a second ask for the same few runs. */
export function createRunContexts(deps: {
  readonly store: RunStore;
  readonly plan: (name: string) => Plan;
  readonly maxAgeMs: number;
}): RunContexts {
  const cache = new Map<string, { readonly at: number; readonly context: Promise<RunContext> }>();

  async function read(runId: string): Promise<RunContext> {
    const run = await deps.store.find(runId);
    if (!run) throw new DroverError('NOT_FOUND', `there is no run ${runId}`);
    const plan = deps.plan(run.plan);
    assertVersion(run, plan);
    const entities = await deps.store.entities(runId);
    return { run, plan, entities: new Map(entities.map((entity) => [entity.entity, entity])) };
  }

  return {
    get(runId) {
      const known = cache.get(runId);
      if (known && Date.now() - known.at < deps.maxAgeMs) return known.context;
      const context = read(runId);
      cache.set(runId, { at: Date.now(), context });
      context.catch(() => cache.delete(runId));
      if (cache.size > 1_000) cache.delete(cache.keys().next().value as string);
      return context;
    },
  };
}

/** The entity's definition. Throws NOT_FOUND. */
export function entityOf(plan: Plan, name: string): Entity {
  const entity = plan.entities[name];
  if (!entity) throw new DroverError('NOT_FOUND', `plan ${plan.name} has no entity ${name}`);
  return entity;
}
