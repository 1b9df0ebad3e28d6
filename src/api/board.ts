import { createBullBoard } from '@bull-board/api';
import { FastifyAdapter } from '@bull-board/fastify';
import type { FastifyRequest, RouteOptions } from 'fastify';
import { withDeadline } from '../../queues/redis.ts';
import { DroverError } from '../errors.ts';
import { actorOf } from './auth/access.ts';
import { HttpProblem, handleError } from './problems.ts';
import type { Access, Api, ApiDeps } from './types.ts';

const basePath = '/board';

/** Bull Board behind the sign-in: viewers read, operators retry, promote, pause and resume. */
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
      // Bull Board registers routes without a declared role: reading needs viewer, everything else operator.
      scope.decorate('accessOf', accessOf);
      restrictBoardActions(scope as unknown as Api, deps);
      scope.addHook('onRoute', (route) => {
        // The board's own error handler would turn each of our refusals into a 500.
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

/** Makes the page hide the actions that viewers may not use. */
function markReadOnlyForViewers(request: FastifyRequest, payload: unknown): unknown {
  if (request.actor?.role !== 'viewer' || typeof payload !== 'object' || payload === null) return payload;
  const { queues } = payload as { queues?: unknown };
  if (!Array.isArray(queues)) return payload;
  return { ...payload, queues: queues.map((queue) => ({ ...queue, readOnlyMode: true, allowRetries: false })) };
}

const safeMethods = new Set(['GET', 'HEAD']);
const boardReason = 'through the board';

/**
 * Restricts what may be changed through the board. Jobs may be retried or promoted. Pausing uses QueueControl, so that it
 * is audited and survives an emptied Redis. Everything else would change what the ledger decides (jobs added, edited,
 * removed; limits; whole queues) and is refused.
 */
function restrictBoardActions(scope: Api, { queues, audit }: Pick<ApiDeps, 'queues' | 'audit'>): void {
  scope.addHook('preHandler', async (request, reply) => {
    if (safeMethods.has(request.method)) return;
    const change = boardActionOf(request);
    const actor = actorOf(request);
    if (change.kind === 'refused') throw actionForbidden();
    if (change.kind === 'switch') {
      const names = change.queue ? [change.queue] : (await queues.list()).map(({ name }) => name);
      for (const name of names) await queues[change.action](name, boardReason, actor);
      return reply.code(200).send({});
    }
    await audit.append({
      actor: actor.id,
      role: actor.role,
      action: `board.${change.action}`,
      subject: `queue:${change.queue}`,
      reason: boardReason,
      details: change.job === undefined ? {} : { job: change.job },
    });
  });
}

type BoardAction =
  | { readonly kind: 'job'; readonly action: string; readonly queue: string; readonly job?: string | undefined }
  | { readonly kind: 'switch'; readonly action: 'pause' | 'resume'; readonly queue?: string | undefined }
  | { readonly kind: 'refused' };

function boardActionOf(request: FastifyRequest): BoardAction {
  const route = request.routeOptions.url?.replace(/^.*?\/api\/queues/, '') ?? '';
  const { queueName = '', jobId } = request.params as { queueName?: string; jobId?: string };
  switch (`${request.method} ${route}`) {
    case 'PUT /:queueName/:jobId/retry':
    case 'PUT /:queueName/retry/:queueStatus':
      return { kind: 'job', action: 'retry', queue: queueName, job: jobId };
    case 'PUT /:queueName/:jobId/promote':
    case 'PUT /:queueName/promote':
      return { kind: 'job', action: 'promote', queue: queueName, job: jobId };
    case 'PUT /:queueName/pause':
    case 'PUT /pause':
      return { kind: 'switch', action: 'pause', queue: queueName || undefined };
    case 'PUT /:queueName/resume':
    case 'PUT /resume':
      return { kind: 'switch', action: 'resume', queue: queueName || undefined };
    default:
      return { kind: 'refused' };
  }
}

function actionForbidden(): HttpProblem {
  return new HttpProblem({
    status: 403,
    code: 'FORBIDDEN',
    detail: 'The board may retry and promote jobs and pause and resume queues, nothing else.',
    remedy: 'Replay records, cancel runs and set limits through the API or `drover`, which update the ledger.',
  });
}

const deadlineMs = 3_000;

/** Adds a deadline to the board's handler, which would wait for Redis as long as it is unavailable. */
function withHandlerDeadline(handler: RouteOptions['handler']): RouteOptions['handler'] {
  return async function bounded(request, reply) {
    try {
      return await withDeadline(Promise.resolve(handler.call(this, request, reply)), deadlineMs);
    } catch (error) {
      throw toBoardError(error);
    }
  };
}

/** The error of a board handler: a refusal by BullMQ or Redis is the client's fault, a lost connection is not. */
function toBoardError(error: unknown): Error {
  if (error instanceof DroverError) return error;
  const { code, name, message } = error as { code?: unknown; name?: string; message?: string };
  // Scripts of BullMQ answer with negative numbers: a job that is missing, locked, or in another state.
  if (typeof code === 'number' && code < 0) {
    return new DroverError('NOT_ALLOWED_NOW', 'The job is not in a state that allows this', {
      cause: error,
      remedy: 'Reload the board: the job may have moved, or be gone.',
    });
  }
  const isWrongCommand = name === 'ReplyError' && /^(ERR|WRONGTYPE) /.test(String(message));
  if (isWrongCommand || error instanceof TypeError || error instanceof RangeError) {
    return new HttpProblem({
      status: 400,
      code: 'BAD_REQUEST',
      detail: 'The board cannot process this request.',
      remedy: 'Use the page of the board, or the API (/docs).',
    });
  }
  return new DroverError('REDIS_UNAVAILABLE', 'Redis did not answer the board', { cause: error });
}
