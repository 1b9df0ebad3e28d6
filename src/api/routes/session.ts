import { z } from 'zod';
import { type AuthDeps, checkToken } from '../auth/authenticate.ts';
import { HttpProblem } from '../problems/problem.ts';
import { responses } from '../schemas/common.ts';
import { sessionBody, sessionSchema } from '../schemas/key.ts';
import type { Api } from '../types.ts';
import { actorOf } from './actor-of.ts';

const tags = ['session'];

/** Signing in and out, for people with a browser. */
export function sessionRoutes(app: Api, { keys, sessions }: Pick<AuthDeps, 'keys' | 'sessions'>): void {
  const open = { access: 'open', idempotent: false } as const;
  app.post('/session', { config: open, schema: startSchema }, async (request, reply) => {
    const actor = await checkToken(request.body.key, keys);
    if (!actor) throw invalidKeyProblem();
    const expiresAt = sessions.start(request, reply, actor.id).toISOString();
    return reply.code(201).send({ actor: actor.id, role: actor.role, expiresAt });
  });

  app.get('/session', { config: { access: 'viewer' }, schema: getSchema }, async (request) => {
    const { id, role } = actorOf(request);
    return { actor: id, role, expiresAt: null };
  });

  app.delete('/session', { config: { access: 'open' }, schema: endSchema }, async (_request, reply) => {
    sessions.end(reply);
    return reply.code(204).send();
  });
}

/** Also what the sign-in page answers. */
export function invalidKeyProblem(): HttpProblem {
  return new HttpProblem({
    status: 401,
    code: 'UNAUTHENTICATED',
    detail: 'The key is unknown, expired or revoked.',
    remedy: 'Ask an admin for a key; the first start of the service prints the first one.',
  });
}

const startSchema = {
  tags,
  operationId: 'signIn',
  summary: 'Sign in with a key; the answer sets a cookie for twelve hours',
  body: sessionBody,
  response: responses({ 201: sessionSchema }),
};

const getSchema = {
  tags,
  operationId: 'getSession',
  summary: 'Who I am',
  response: responses({ 200: sessionSchema }),
};

const endSchema = {
  tags,
  operationId: 'signOut',
  summary: 'Sign out',
  response: responses({ 204: z.undefined().describe('Signed out') }),
};
