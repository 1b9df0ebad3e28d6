import type { FastifyRequest } from 'fastify';
import type { ApiDeps } from '../deps.ts';
import { HttpProblem } from '../problems/problem.ts';
import { actorOf } from '../routes/actor-of.ts';
import type { Api } from '../types.ts';

const safeMethods = new Set(['GET', 'HEAD']);
const boardReason = 'through the board';

/**
 * What may be changed through the board. Jobs may be tried again or sooner. Pausing goes the way it always goes, so
 * that it is written down and survives an emptied Redis. Everything else would change what the ledger decides (jobs
 * added, edited, removed; limits; whole queues) and is refused.
 */
export function restrictBoardActions(scope: Api, { queues, audit }: Pick<ApiDeps, 'queues' | 'audit'>): void {
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
    remedy: 'Records are replayed, runs cancelled and limits set through the API or `drover`; the ledger follows them.',
  });
}
