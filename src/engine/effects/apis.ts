import { DroverError } from '../../errors.ts';
import type { ApiPort } from '../../plan/api-target.ts';
import type { Plan } from '../../plan/contract.ts';
import type { UpstreamFactory } from '../../plan/upstream.ts';
import { entityOf } from '../contexts.ts';
import { planSettings } from '../plan-settings.ts';
import type { Run } from '../ports.ts';

/** The port an entity of a run writes through. Throws CONFIGURATION where a setting is missing. */
export type ApiFactory = (plan: Plan, run: Run, entity: string) => ApiPort;

export interface ApiFactoryDeps {
  readonly settings: Readonly<Record<string, string | undefined>>;
  readonly upstreams: UpstreamFactory;
  readonly signal: AbortSignal;
}

/** Opens each entity's port once for each run, and keeps it while the run is worked on. */
export function createApiFactory(deps: ApiFactoryDeps): ApiFactory {
  const opened = new Map<string, ApiPort>();
  return (plan, run, entity) => {
    const key = `${run.id}/${entity}`;
    const port = opened.get(key) ?? open(deps, plan, run, entity);
    if (opened.size >= 500) opened.delete(opened.keys().next().value as string);
    opened.set(key, port);
    return port;
  };
}

function open({ settings, upstreams, signal }: ApiFactoryDeps, plan: Plan, run: Run, entity: string): ApiPort {
  const { api } = entityOf(plan, entity);
  if (!api) throw new DroverError('INTERNAL', `${entity} of plan ${plan.name} is not written to an API`);
  const context = { entity, params: run.params, runId: run.id, upstreams, signal };
  return api.open({ ...context, settings: planSettings(plan, settings) });
}
