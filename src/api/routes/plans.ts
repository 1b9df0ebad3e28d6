import { z } from 'zod';
import type { PlanSetting, PlanView } from '../../contract/fleet.ts';
import { DroverError } from '../../errors.ts';
import type { Plan } from '../../plan/contract.ts';
import { entityOrder } from '../../plan/define-plan.ts';
import type { Api, ApiDeps, PlanCatalog } from '../types.ts';
import { idSchema, responses, text } from './common.ts';

export const planSchema = z
  .object({
    name: text,
    version: text,
    title: text,
    description: text,
    entities: z
      .array(z.object({ name: text, title: text, dependsOn: z.array(text).readonly() }))
      .readonly()
      .describe('Parents before children'),
    steps: z.record(text, z.array(text).readonly()).readonly(),
    rules: z
      .array(z.object({ name: text, entity: text, severity: z.enum(['error', 'warning']), description: text }))
      .readonly(),
    upstreams: z.array(text).readonly(),
    params: z.record(text, z.unknown()).readonly().describe('JSON Schema of the parameters a run may carry'),
    settings: z
      .array(
        z.object({
          name: text,
          set: z.boolean(),
          problem: text.nullable().describe('What is wrong with it'),
          description: text,
        }),
      )
      .readonly()
      .describe('Environment variables that the plan reads, without their values'),
  })
  .meta({ id: 'Plan' }) satisfies z.ZodType<PlanView>;

const tags = ['plans'];

/** The plans: what can be migrated. */
export function planRoutes(app: Api, { plans }: Pick<ApiDeps, 'plans'>): void {
  app.get(
    '/plans',
    {
      config: { access: 'viewer' },
      schema: {
        tags,
        operationId: 'listPlans',
        summary: 'Every plan this service knows',
        response: responses({ 200: z.object({ items: z.array(planSchema).readonly() }) }),
      },
    },
    async () => ({ items: plans.list() }),
  );

  app.get(
    '/plans/:plan',
    {
      config: { access: 'viewer' },
      schema: {
        tags,
        operationId: 'getPlan',
        summary: 'One plan: its entities, rules and parameters',
        params: z.strictObject({ plan: idSchema }),
        response: responses({ 200: planSchema }),
      },
    },
    async ({ params }) => {
      const plan = plans.get(params.plan);
      if (plan) return plan;
      const names = plans.list().map(({ name }) => name);
      throw new DroverError('NOT_FOUND', `there is no plan ${params.plan}`, { remedy: `Plans: ${names.join(', ')}.` });
    },
  );
}

/** Environment variables that plans read, by name. */
type Settings = Readonly<Record<string, string | undefined>>;

/** The plans of this service, as clients see them. */
export function createPlanCatalog(plans: readonly Plan[], settings: Settings): PlanCatalog {
  const views = plans.map((plan) => toPlanView(plan, settings)).sort((a, b) => (a.name < b.name ? -1 : 1));
  return { list: () => views, get: (name) => views.find((view) => view.name === name) };
}

function toPlanView(plan: Plan, settings: Settings): PlanView {
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
    settings: settingsOf(plan, settings),
  };
}

function paramsOf(plan: Plan): Readonly<Record<string, unknown>> {
  // Parts that JSON Schema cannot express (a transform, a refinement) become `{}`; the plan stays visible.
  const { $schema: _, ...schema } = z.toJSONSchema(plan.params, { io: 'input', unrepresentable: 'any' });
  return schema;
}

/** Names and states only: no values, and no messages that could quote one. */
function settingsOf(plan: Plan, settings: Settings): PlanSetting[] {
  const { properties = {} } = z.toJSONSchema(plan.settings, { io: 'input', unrepresentable: 'any' });
  const wrong = new Set(plan.settings.safeParse(settings).error?.issues.map((issue) => String(issue.path[0])));
  return Object.entries(properties).map(([name, schema]) => {
    const set = settings[name] !== undefined;
    const problem = set ? 'its value is not what the plan expects' : 'the plan needs it, and it is not set';
    const description = typeof schema === 'object' ? (schema.description ?? '') : '';
    return { name, set, problem: wrong.has(name) ? problem : null, description };
  });
}
