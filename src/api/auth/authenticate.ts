import type { FastifyRequest } from 'fastify';
import type { Actor, Role } from '../../engine/control/contract.ts';
import { HttpProblem } from '../problems/problem.ts';
import type { Api } from '../types.ts';
import { assertAccess } from './access.ts';
import type { KeyCache } from './key-cache.ts';
import type { RateLimits } from './rate-limits.ts';
import { isSameOrigin } from './same-origin.ts';
import type { Sessions } from './session.ts';
import { redirectToSignIn, wantsHtml } from './sign-in-redirect.ts';
import { matchesHash, parseToken } from './tokens.ts';

export interface AuthDeps {
  readonly keys: KeyCache;
  readonly sessions: Sessions;
  readonly limits: RateLimits;
}

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Puts the actor on every request and refuses what he may not do, before any body is read. */
export function authenticateRequests(app: Api, deps: AuthDeps): void {
  app.decorateRequest('actor', null);
  app.decorateRequest('viaCookie', false);
  app.addHook('onRequest', async (request, reply) => {
    const { access = 'open', limit } = request.routeOptions.config;
    if (limit === 'off') return;
    deps.limits.rejectAddress(request);
    if (limit === 'signed') return;
    const shown = await identify(request, deps);
    request.actor = shown.actor ?? null;
    request.viaCookie = shown.viaCookie === true;
    if (request.actor) deps.limits.countKey(request, request.actor.id);
    else deps.limits.countAddress(request);
    if (!request.actor && access !== 'open' && wantsHtml(request)) return redirectToSignIn(request, reply);
    assertAccess(request, access, shown.detail);
    if (request.viaCookie && !safeMethods.has(request.method) && !isSameOrigin(request)) throw crossOriginProblem();
  });
}

/** The key of a token, when it is right. */
export async function checkToken(text: string, keys: KeyCache): Promise<Actor | undefined> {
  const { id, secret } = parseToken(text);
  const key = await keys.findActive(id);
  return key && matchesHash(secret, key.secretHash) ? { id: key.id, role: key.role as Role } : undefined;
}

interface AuthResult {
  readonly actor?: Actor | undefined;
  readonly viaCookie?: boolean;
  /** What is wrong with what was shown. */
  readonly detail?: string;
}

async function identify(request: FastifyRequest, { keys, sessions }: AuthDeps): Promise<AuthResult> {
  const header = request.headers.authorization;
  if (header !== undefined) {
    const [, token] = /^Bearer +(\S+)$/i.exec(header) ?? [];
    if (!token) return { detail: 'The authorization header is not `Bearer <key>`.' };
    return { actor: await checkToken(token, keys), detail: 'The key is unknown, expired or revoked.' };
  }
  const keyId = sessions.read(request);
  const key = keyId === undefined ? undefined : await keys.findActive(keyId);
  return key ? { actor: { id: key.id, role: key.role as Role }, viaCookie: true } : {};
}

function crossOriginProblem(): HttpProblem {
  return new HttpProblem({
    status: 403,
    code: 'CROSS_ORIGIN',
    detail: 'A change with a session cookie must come from a page of this service.',
    remedy: 'Programs use `authorization: Bearer <key>` instead of the cookie.',
  });
}
