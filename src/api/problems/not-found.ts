import type { FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import type { Api } from '../types.ts';
import { makeProblem, sendProblem } from './problem.ts';

/** Answers unknown addresses with 404, and known ones under another method with 405 and what they take. */
export function handleUnknownRoutes(app: Api): void {
  const known: { pattern: RegExp; methods: readonly string[] }[] = [];
  app.addHook('onRoute', (route) => {
    known.push({ pattern: patternOf(route.url), methods: methodsOf(route) });
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0] ?? '';
    const allowed = new Set(known.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods));
    return allowed.size > 0
      ? sendMethodNotAllowed(request, reply, [...allowed].sort())
      : sendNotFound(request, reply, path);
  });
}

function sendMethodNotAllowed(request: FastifyRequest, reply: FastifyReply, allowed: readonly string[]): FastifyReply {
  const problem = makeProblem({
    status: 405,
    code: 'METHOD_NOT_ALLOWED',
    detail: `This address does not take ${request.method}.`,
    remedy: `It takes ${allowed.join(', ')}.`,
  });
  return sendProblem(reply.header('allow', allowed.join(', ')), problem);
}

function sendNotFound(request: FastifyRequest, reply: FastifyReply, path: string): FastifyReply {
  const problem = makeProblem({
    status: 404,
    code: 'NOT_FOUND',
    detail: `There is no ${request.method} ${path.slice(0, 200)}.`,
    remedy: '/docs lists every address.',
  });
  return sendProblem(reply, problem);
}

// Wildcards (the files of the board and of the docs) would make every address below them a known one.
function patternOf(url: string): RegExp {
  const escaped = url.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/\\\*$/, '(?!)');
  return new RegExp(`^${escaped.replace(/:\w+/g, '[^/]+')}/?$`);
}

function methodsOf(route: RouteOptions): string[] {
  return [route.method].flat();
}
