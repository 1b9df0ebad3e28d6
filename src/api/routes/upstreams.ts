import { z } from 'zod';
import type { ApiDeps } from '../deps.ts';
import { idSchema, reasonSchema, responses } from '../schemas/common.ts';
import { upstreamSchema } from '../schemas/fleet.ts';
import type { Api } from '../types.ts';
import { actorOf } from './actor-of.ts';

const upstreamTags = ['upstreams'];

/** External APIs: how hard the fleet may push them, and how they are. */
export function upstreamRoutes(app: Api, { upstreams }: Pick<ApiDeps, 'upstreams'>): void {
  app.get('/upstreams', { config: { access: 'viewer' }, schema: listUpstreamsSchema }, async () => ({
    items: await upstreams.list(),
  }));

  app.patch('/upstreams/:name', { config: { access: 'operator' }, schema: changeUpstreamSchema }, (request) => {
    const { maxRps, reason } = request.body;
    return upstreams.setLimit(request.params.name, maxRps, reason, actorOf(request));
  });
}

const listUpstreamsSchema = {
  tags: upstreamTags,
  operationId: 'listUpstreams',
  summary: 'Upstreams with their limits, breakers and requests',
  response: responses({ 200: z.object({ items: z.array(upstreamSchema).readonly() }) }),
};

const changeUpstreamSchema = {
  tags: upstreamTags,
  operationId: 'changeUpstream',
  summary: 'Set the requests a second the whole fleet may make',
  params: z.strictObject({ name: idSchema }),
  body: z.strictObject({ maxRps: z.int().min(1).max(10_000), reason: reasonSchema }),
  response: responses({ 200: upstreamSchema }),
};
