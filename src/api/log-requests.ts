import type { Api } from './types.ts';

/** One line a request, by the route's pattern: an address itself may hold a source id. */
export function logRequests(app: Api): void {
  app.addHook('onResponse', async (request, reply) => {
    const level = reply.statusCode >= 500 ? 'warn' : 'debug';
    request.log[level](
      {
        method: request.method,
        route: request.routeOptions.url ?? 'unknown',
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
        actor: request.actor?.id,
      },
      'request',
    );
  });
}
