import { createHmac, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Actor, Role } from '../../contract/runs.ts';
import { HttpProblem } from '../problems.ts';
import type { Api } from '../types.ts';
import { assertAccess } from './access.ts';
import { type KeyCache, matchesHash, parseToken } from './keys.ts';
import type { RateLimits } from './rate-limits.ts';

export interface AuthDeps {
  readonly keys: KeyCache;
  readonly sessions: Sessions;
  readonly limits: RateLimits;
}

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Sets the actor of every request and refuses what the actor may not do, before any body is read. */
export function authenticateRequests(app: Api, deps: AuthDeps): void {
  app.decorateRequest('actor', null);
  app.decorateRequest('viaCookie', false);
  app.addHook('onRequest', async (request, reply) => {
    const { access = 'open', limit } = request.routeOptions.config;
    if (limit === 'off') return;
    deps.limits.rejectAddress(request);
    if (limit === 'signed') return;
    const result = await identify(request, deps);
    request.actor = result.actor ?? null;
    request.viaCookie = result.viaCookie === true;
    if (request.actor) deps.limits.countKey(request, request.actor.id);
    else deps.limits.countAddress(request);
    if (!request.actor && access !== 'open' && wantsHtml(request)) return redirectToSignIn(request, reply);
    assertAccess(request, access, result.detail);
    if (request.viaCookie && !safeMethods.has(request.method) && !isSameOrigin(request)) throw crossOriginProblem();
  });
}

/** The actor of a token, or undefined when the token is not valid. */
export async function checkToken(text: string, keys: KeyCache): Promise<Actor | undefined> {
  const { id, secret } = parseToken(text);
  const key = await keys.findActive(id);
  return key && matchesHash(secret, key.secretHash) ? { id: key.id, role: key.role as Role } : undefined;
}

interface AuthResult {
  readonly actor?: Actor | undefined;
  readonly viaCookie?: boolean;
  /** What is wrong with the credentials. */
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

/** Browser sessions: a signed cookie that names a key and expires. A session also ends with its key. */
interface Sessions {
  start(request: FastifyRequest, reply: FastifyReply, keyId: string): Date;
  end(reply: FastifyReply): void;
  /** The id of the key, when the cookie is valid and not expired. */
  read(request: FastifyRequest): string | undefined;
}

const cookieName = 'drover_session';
const lifetimeMs = 12 * 3_600_000;

export function createSessions(secret: string): Sessions {
  const sign = (text: string) => createHmac('sha256', secret).update(text).digest();
  return {
    start(request, reply, keyId) {
      const expiresAt = new Date(Date.now() + lifetimeMs);
      const text = `${keyId}.${expiresAt.getTime()}`;
      reply.setCookie(cookieName, `${text}.${sign(text).toString('base64url')}`, {
        path: '/',
        httpOnly: true,
        sameSite: 'strict',
        // Browsers would not send a secure cookie back over plain http, as on a laptop.
        secure: request.protocol === 'https',
        expires: expiresAt,
      });
      return expiresAt;
    },
    end(reply) {
      reply.clearCookie(cookieName, { path: '/', httpOnly: true, sameSite: 'strict' });
    },
    read(request) {
      const [, text, keyId, expiry, signature] =
        /^(([\w-]+)\.(\d+))\.([\w-]+)$/.exec(request.cookies[cookieName] ?? '') ?? [];
      if (!text || !keyId || Number(expiry) <= Date.now()) return undefined;
      const given = Buffer.from(String(signature), 'base64url');
      const wanted = sign(text);
      return given.length === wanted.length && timingSafeEqual(given, wanted) ? keyId : undefined;
    },
  };
}

/**
 * True when the browser states that a page of this service sent the request. A foreign page can make a browser send our
 * cookie, but it cannot set these headers. A request with neither header is refused: current browsers always send one, and
 * programs use a key instead of the cookie.
 */
export function isSameOrigin(request: FastifyRequest): boolean {
  const site = request.headers['sec-fetch-site'];
  const origin = request.headers.origin;
  if (origin !== undefined && hostOf(origin) !== request.host) return false;
  if (site !== undefined) return site === 'same-origin';
  return origin !== undefined;
}

function hostOf(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).host : '';
}

/** True for a browser that navigates to a page; it is redirected to the sign-in page instead of shown a problem. */
function wantsHtml(request: FastifyRequest): boolean {
  const isPage = request.method === 'GET' && !request.url.startsWith('/api/');
  return isPage && String(request.headers.accept).includes('text/html');
}

function redirectToSignIn(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.redirect(`/login?next=${encodeURIComponent(request.url)}`, 303);
}
