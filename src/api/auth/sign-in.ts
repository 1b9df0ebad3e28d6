import formbody from '@fastify/formbody';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { Api } from '../types.ts';
import { type AuthDeps, checkToken } from './authenticate.ts';
import { isSameOrigin } from './same-origin.ts';
import { signInPage } from './sign-in-page.ts';

// A path of this service: `//elsewhere` and `/\elsewhere` lead browsers to another one.
const nextSchema = z
  .string()
  .regex(/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/)
  .catch('/board');

const signInForm = z.object({ key: z.string().max(600).default(''), next: nextSchema });

/** The page to sign in at. It works without scripts, so no script has to be allowed. */
export async function serveSignIn(app: Api, { keys, sessions }: Pick<AuthDeps, 'keys' | 'sessions'>): Promise<void> {
  await app.register(async (scope) => {
    // In a scope of its own: nowhere else is a form taken for a body.
    await scope.register(formbody, { bodyLimit: 4_096 });
    const config = { access: 'open', idempotent: false } as const;
    scope.get('/login', { config, schema: { hide: true } as object }, async (request, reply) => {
      const { next } = signInForm.parse(request.query);
      return sendPage(reply, 200, signInPage({ next }));
    });
    scope.post('/login', { config, schema: { hide: true } as object }, async (request, reply) => {
      const { key, next } = signInForm.parse(request.body ?? {});
      // Or someone else's page could sign a browser in as someone else.
      if (!isSameOrigin(request))
        return sendPage(reply, 403, signInPage({ next, complaint: 'Sign in from this page.' }));
      const actor = await checkToken(key.trim(), keys);
      if (!actor)
        return sendPage(reply, 401, signInPage({ next, complaint: 'The key is unknown, expired or revoked.' }));
      sessions.start(request, reply, actor.id);
      return reply.redirect(next, 303);
    });
  });
}

function sendPage(reply: FastifyReply, status: number, page: string): FastifyReply {
  return reply.code(status).type('text/html; charset=utf-8').header('cache-control', 'no-store').send(page);
}
