import { z } from 'zod';
import { DroverError } from '../../errors.ts';
import type { ApiDeps } from '../deps.ts';
import { idSchema, responses } from '../schemas/common.ts';
import { planSchema } from '../schemas/fleet.ts';
import type { Api } from '../types.ts';

const tags = ['plans'];

/** What can be migrated. */
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
