import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';
import { answers, idempotencyHeader, idSchema, reasonBody } from '../schemas/common.ts';
import { queueSchema } from '../schemas/fleet.ts';
import type { Api } from '../types.ts';
import { actorOf } from './actor-of.ts';

const tags = ['queues'];

/** The queues of the stages, and stopping one for every run at once. */
export function queueRoutes(app: Api, { queues }: Pick<ApiDeps, 'queues'>): void {
  app.get('/queues', { config: { access: 'viewer' }, schema: listSchema }, async () => ({
    items: await queues.list(),
  }));

  for (const { name, summary } of actions) {
    app.post(`/queues/:name/${name}`, { config: { access: 'operator' }, schema: schemaOf(name, summary) }, (request) =>
      queues[name](request.params.name, request.body.reason, actorOf(request)),
    );
  }
}

const actions = [
  { name: 'pause', summary: 'Pause a queue on every worker' },
  { name: 'resume', summary: 'Go on with a paused queue' },
] as const;

const listSchema = {
  tags,
  operationId: 'listQueues',
  summary: 'Queues, how deep they are, and who paused them',
  response: answers({ 200: z.object({ items: z.array(queueSchema).readonly() }) }),
};

const schemaOf = (name: string, summary: string) => ({
  tags,
  operationId: `${name}Queue`,
  summary,
  headers: idempotencyHeader,
  params: z.strictObject({ name: idSchema }),
  body: reasonBody,
  response: answers({ 200: queueSchema }),
});
