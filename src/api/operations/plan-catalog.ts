import { z } from 'zod';
import type { Plan } from '../../plan/contract.ts';
import { entityOrder } from '../../plan/define-plan.ts';
import type { PlanCatalog, PlanView } from '../deps.ts';

/** The plans this service knows, as clients see them. */
export function createPlanCatalog(plans: readonly Plan[]): PlanCatalog {
  const views = plans.map(toView).sort((a, b) => (a.name < b.name ? -1 : 1));
  return { list: () => views, get: (name) => views.find((view) => view.name === name) };
}

function toView(plan: Plan): PlanView {
  return {
    name: plan.name,
    version: plan.version,
    title: plan.title,
    description: plan.description,
    entities: entityOrder(plan).map((name) => ({
      name,
      title: plan.entities[name]?.title ?? name,
      dependsOn: plan.entities[name]?.dependsOn ?? [],
    })),
    steps: plan.steps ?? {},
    rules: plan.rules.map(({ name, entity, severity, description }) => ({ name, entity, severity, description })),
    upstreams: plan.upstreams,
    params: paramsOf(plan),
  };
}

function paramsOf(plan: Plan): Readonly<Record<string, unknown>> {
  // What JSON Schema cannot say (a transform, a refinement) is left open instead of hiding the plan.
  const { $schema: _, ...schema } = z.toJSONSchema(plan.params, { io: 'input', unrepresentable: 'any' });
  return schema;
}
