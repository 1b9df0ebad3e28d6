import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';
import { answers, idSchema, reasonSchema } from '../schemas/common.ts';
import { upstreamSchema } from '../schemas/fleet.ts';
import type { Api } from '../types.ts';
import { actorOf } from './actor-of.ts';

const tags = ['upstreams'];

/** External APIs: how hard the fleet may push them, and how they are. */
export function upstreamRoutes(app: Api, { upstreams }: Pick<ApiDeps, 'upstreams'>): void {
  app.get('/upstreams', { config: { access: 'viewer' }, schema: listSchema }, async () => ({
    items: await upstreams.list(),
  }));

  app.patch('/upstreams/:name', { config: { access: 'operator' }, schema: changeSchema }, (request) => {
    const { maxRps, reason } = request.body;
    return upstreams.setLimit(request.params.name, maxRps, reason, actorOf(request));
  });
}

const listSchema = {
  tags,
  operationId: 'listUpstreams',
  summary: 'Upstreams with their limits, breakers and requests',
  response: answers({ 200: z.object({ items: z.array(upstreamSchema).readonly() }) }),
};

const changeSchema = {
  tags,
  operationId: 'changeUpstream',
  summary: 'Set the requests a second the whole fleet may make',
  params: z.strictObject({ name: idSchema }),
  body: z.strictObject({ maxRps: z.int().min(1).max(10_000), reason: reasonSchema }),
  response: answers({ 200: upstreamSchema }),
};
