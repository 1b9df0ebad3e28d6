import type { FastifyRequest } from 'fastify';
import type { Actor, Role } from '../../engine/control/contract.ts';
import { HttpProblem } from '../problems/problem.ts';
import type { Api } from '../types.ts';
import { assertAccess } from './access.ts';
import type { KeyCache } from './key-cache.ts';
import type { RateLimits } from './rate-limits.ts';
import { isSameOrigin } from './same-origin.ts';
import type { Sessions } from './session.ts';
import { toSignIn, wantsPage } from './sign-in-redirect.ts';
import { matchesHash, parseToken } from './tokens.ts';

export interface Doorkeeper {
  readonly keys: KeyCache;
  readonly sessions: Sessions;
  readonly limits: RateLimits;
}

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Puts the actor on every request and refuses what he may not do, before any body is read. */
export function authenticateRequests(app: Api, doorkeeper: Doorkeeper): void {
  app.decorateRequest('actor', null);
  app.decorateRequest('viaCookie', false);
  app.addHook('onRequest', async (request, reply) => {
    const { access = 'open', limit } = request.routeOptions.config;
    if (limit === 'off') return;
    doorkeeper.limits.refuseAddress(request);
    if (limit === 'signed') return;
    const shown = await identify(request, doorkeeper);
    request.actor = shown.actor ?? null;
    request.viaCookie = shown.viaCookie === true;
    if (request.actor) doorkeeper.limits.countKey(request, request.actor.id);
    else doorkeeper.limits.countAddress(request);
    if (!request.actor && access !== 'open' && wantsPage(request)) return toSignIn(request, reply);
    assertAccess(request, access, shown.complaint);
    if (request.viaCookie && !safeMethods.has(request.method) && !isSameOrigin(request)) throw crossOrigin();
  });
}

/** The key of a token, when it is right. */
export async function checkToken(text: string, keys: KeyCache): Promise<Actor | undefined> {
  const { id, secret } = parseToken(text);
  const key = await keys.usable(id);
  return key && matchesHash(secret, key.secretHash) ? { id: key.id, role: key.role as Role } : undefined;
}

interface Shown {
  readonly actor?: Actor | undefined;
  readonly viaCookie?: boolean;
  /** What is wrong with what was shown. */
  readonly complaint?: string;
}

async function identify(request: FastifyRequest, { keys, sessions }: Doorkeeper): Promise<Shown> {
  const header = request.headers.authorization;
  if (header !== undefined) {
    const [, token] = /^Bearer +(\S+)$/i.exec(header) ?? [];
    if (!token) return { complaint: 'The authorization header is not `Bearer <key>`.' };
    return { actor: await checkToken(token, keys), complaint: 'The key is unknown, expired or revoked.' };
  }
  const keyId = sessions.read(request);
  const key = keyId === undefined ? undefined : await keys.usable(keyId);
  return key ? { actor: { id: key.id, role: key.role as Role }, viaCookie: true } : {};
}

function crossOrigin(): HttpProblem {
  return new HttpProblem({
    status: 403,
    code: 'CROSS_ORIGIN',
    detail: 'A change with a session cookie must come from a page of this service.',
    remedy: 'Programs use `authorization: Bearer <key>` instead of the cookie.',
  });
}
