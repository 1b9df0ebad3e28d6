import { createBullBoard } from '@bull-board/api';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyRequest } from 'fastify';
import type { ApiDeps } from '../deps.ts';
import { handleError } from '../problems/error-handler.ts';
import type { Access, Api } from '../types.ts';
import { withHandlerDeadline } from './deadline.ts';
import { restrictBoardActions } from './guard.ts';

const basePath = '/board';

/** Bull Board behind the sign-in: viewers look, operators retry, promote, pause and resume. */
export async function serveBoard(app: Api, deps: Pick<ApiDeps, 'queues' | 'audit'>): Promise<void> {
  const adapter = new FastifyAdapter();
  createBullBoard({
    queues: deps.queues.boardAdapters(),
    serverAdapter: adapter,
    options: { uiConfig: { boardTitle: 'Drover', hideDocsLink: true, showWorkers: false } },
  });
  adapter.setBasePath(basePath);
  await app.register(
    async (scope) => {
      // The board has routes of its own, without a declared role; reading is for viewers, all else for operators.
      scope.decorate('accessOf', accessOf);
      restrictBoardActions(scope as unknown as Api, deps);
      scope.addHook('onRoute', (route) => {
        // The board's own handler would turn every refusal of ours into a 500 of its own shape.
        route.errorHandler = handleError;
        if (route.url.includes('/api/')) route.handler = withHandlerDeadline(route.handler);
      });
      scope.addHook('preSerialization', async (request, _reply, payload) => markReadOnlyForViewers(request, payload));
      await scope.register(adapter.registerPlugin());
    },
    { prefix: basePath },
  );
}

function accessOf(method: string): Access {
  return method === 'GET' || method === 'HEAD' ? 'viewer' : 'operator';
}

/** Tells the page not to offer viewers what they would be refused. */
function markReadOnlyForViewers(request: FastifyRequest, payload: unknown): unknown {
  if (request.actor?.role !== 'viewer' || typeof payload !== 'object' || payload === null) return payload;
  const { queues } = payload as { queues?: unknown };
  if (!Array.isArray(queues)) return payload;
  return { ...payload, queues: queues.map((queue) => ({ ...queue, readOnlyMode: true, allowRetries: false })) };
}
