import formbody from '@fastify/formbody';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { roles } from '../../contract/runs.ts';
import { actorOf } from '../auth/access.ts';
import { type AuthDeps, isSameOrigin, signIn } from '../auth/authenticate.ts';
import { HttpProblem } from '../problems.ts';
import type { Api } from '../types.ts';
import { responses, text } from './common.ts';
import type { RunEventDeps } from './run-events.ts';

const sessionBody = z.strictObject({ key: z.string().min(1).max(600) });

const sessionSchema = z
  .object({ actor: text, role: z.enum(roles), expiresAt: text.nullable() })
  .meta({ id: 'Session' });

const tags = ['session'];

/** Signing in and out, for browsers. */
export function sessionRoutes(app: Api, deps: AuthDeps & Pick<RunEventDeps, 'streams'>): void {
  const open = { access: 'open', idempotent: false } as const;
  app.post('/session', { config: open, schema: startSchema }, async (request, reply) => {
    const actor = await signIn(request, request.body.key, 'session', deps);
    if (!actor) throw invalidKeyProblem();
    const expiresAt = deps.sessions.start(request, reply, actor.id).expiresAt.toISOString();
    return reply.code(201).send({ actor: actor.id, role: actor.role, expiresAt });
  });

  app.get('/session', { config: { access: 'viewer' }, schema: getSchema }, async (request) => {
    const { id, role } = actorOf(request);
    return { actor: id, role, expiresAt: request.session?.expiresAt.toISOString() ?? null };
  });

  app.delete('/session', { config: { access: 'open' }, schema: endSchema }, async (request, reply) => {
    await deps.sessions.end(request, reply);
    await deps.streams.endInactive();
    return reply.code(204).send();
  });
}

function invalidKeyProblem(): HttpProblem {
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
  summary: 'The current session: key and role',
  response: responses({ 200: sessionSchema }),
};

const endSchema = {
  tags,
  operationId: 'signOut',
  summary: 'Sign out',
  response: responses({ 204: z.undefined().describe('Signed out') }),
};

// A path of this service: browsers read `//elsewhere` and `/\elsewhere` as another host.
const nextSchema = z
  .string()
  .regex(/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/)
  .catch('/board');

// A repeated field is an array: it counts as none.
const signInForm = z
  .object({ key: z.string().max(600).catch(''), next: nextSchema })
  .catch({ key: '', next: '/board' });

/** The sign-in page. It works without scripts, so its policy allows none. */
export async function serveSignIn(app: Api, deps: AuthDeps): Promise<void> {
  await app.register(async (scope) => {
    // In a scope of its own: no other route accepts form bodies.
    await scope.register(formbody, { bodyLimit: 4_096 });
    const config = { access: 'open', idempotent: false } as const;
    scope.get('/login', { config, schema: { hide: true } as object }, async (request, reply) => {
      const { next } = signInForm.parse(request.query);
      return sendPage(reply, 200, signInPage({ next }));
    });
    scope.post('/login', { config, schema: { hide: true } as object }, async (request, reply) => {
      const { key, next } = signInForm.parse(request.body ?? {});
      // Otherwise a foreign page could sign the browser in with another key.
      if (!isSameOrigin(request)) return sendPage(reply, 403, signInPage({ next, error: 'Sign in from this page.' }));
      const actor = await signIn(request, key.trim(), 'page', deps);
      if (!actor) return sendPage(reply, 401, signInPage({ next, error: 'The key is unknown, expired or revoked.' }));
      deps.sessions.start(request, reply, actor.id);
      return reply.redirect(next, 303);
    });
  });
}

function sendPage(reply: FastifyReply, status: number, page: string): FastifyReply {
  return reply.code(status).type('text/html; charset=utf-8').header('cache-control', 'no-store').send(page);
}

/** The complete HTML: the page must not load anything else, since everything else needs a key. */
function signInPage({ next, error }: { next: string; error?: string }): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Drover: sign in</title>
<style>
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; font: 16px/1.5 system-ui, sans-serif;
         background: #f4f5f7; color: #1c2430; }
  form { background: #fff; padding: 2rem; border-radius: .75rem; width: min(24rem, 90vw); box-sizing: border-box;
         box-shadow: 0 1px 4px rgb(0 0 0 / .15); }
  h1 { margin: 0 0 1rem; font-size: 1.25rem; }
  label { display: block; margin-bottom: .25rem; }
  input, button { width: 100%; box-sizing: border-box; padding: .6rem; font: inherit; border-radius: .4rem; }
  input { border: 1px solid #8a93a0; margin-bottom: 1rem; }
  button { border: 0; background: #1f5fbf; color: #fff; cursor: pointer; }
  [role=alert] { color: #a4161a; margin: 0 0 1rem; }
  @media (prefers-color-scheme: dark) {
    body { background: #14181f; color: #e6e9ee; } form { background: #1e242d; }
    input { background: #14181f; color: inherit; } [role=alert] { color: #ff8a8a; }
  }
</style>
</head>
<body>
<form method="post" action="/login">
  <h1>Drover</h1>
  ${error ? `<p role="alert">${escapeHtml(error)}</p>` : ''}
  <label for="key">Your key</label>
  <input id="key" name="key" type="password" autocomplete="current-password" required autofocus>
  <input type="hidden" name="next" value="${escapeHtml(next)}">
  <button type="submit">Sign in</button>
</form>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  const names: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => names[character] ?? character);
}
