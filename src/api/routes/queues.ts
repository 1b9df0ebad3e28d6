import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';
import { idempotencyHeader, idSchema, reasonBody, responses } from '../schemas/common.ts';
import { queueSchema } from '../schemas/fleet.ts';
import type { Api } from '../types.ts';
import { actorOf } from './actor-of.ts';

const queueTags = ['queues'];

/** The queues of the stages, and stopping one for every run at once. */
export function queueRoutes(app: Api, { queues }: Pick<ApiDeps, 'queues'>): void {
  app.get('/queues', { config: { access: 'viewer' }, schema: listQueuesSchema }, async () => ({
    items: await queues.list(),
  }));

  for (const { name, summary } of queueActions) {
    app.post(
      `/queues/:name/${name}`,
      { config: { access: 'operator' }, schema: queueActionSchema(name, summary) },
      (request) => queues[name](request.params.name, request.body.reason, actorOf(request)),
    );
  }
}

const queueActions = [
  { name: 'pause', summary: 'Pause a queue on every worker' },
  { name: 'resume', summary: 'Go on with a paused queue' },
] as const;

const listQueuesSchema = {
  tags: queueTags,
  operationId: 'listQueues',
  summary: 'Queues, how deep they are, and who paused them',
  response: responses({ 200: z.object({ items: z.array(queueSchema).readonly() }) }),
};

const queueActionSchema = (name: string, summary: string) => ({
  tags: queueTags,
  operationId: `${name}Queue`,
  summary,
  headers: idempotencyHeader,
  params: z.strictObject({ name: idSchema }),
  body: reasonBody,
  response: responses({ 200: queueSchema }),
});
