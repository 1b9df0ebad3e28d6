import { randomBytes } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { EndedSessions } from '../../../db/stores/keys.ts';
import type { Actor, Role } from '../../contract/runs.ts';
import { HttpProblem } from '../problems.ts';
import { createTtlCache } from '../ttl-cache.ts';
import type { Api, Session } from '../types.ts';
import { assertAccess } from './access.ts';
import { type KeyCache, matchesHash, parseToken } from './keys.ts';
import type { RateLimits } from './rate-limits.ts';

export interface AuthDeps {
  readonly keys: KeyCache;
  readonly sessions: Sessions;
  readonly limits: RateLimits;
  readonly failures: SignInFailures;
}

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Sets the actor of every request and refuses what the actor may not do, before any body is read. */
export function authenticateRequests(app: Api, deps: AuthDeps): void {
  app.decorateRequest('actor', null);
  app.decorateRequest('session', null);
  app.addHook('onRequest', async (request, reply) => {
    const { access = 'open', limit } = request.routeOptions.config;
    if (limit === 'off') return;
    deps.limits.rejectAddress(request);
    if (limit === 'signed') return;
    const result = await identify(request, deps);
    request.actor = result.actor ?? null;
    request.session = result.session ?? null;
    if (request.actor) deps.limits.countKey(request, request.actor.id);
    else deps.limits.countAddress(request);
    if (!request.actor && access !== 'open' && wantsHtml(request)) return redirectToSignIn(request, reply);
    assertAccess(request, access, result.detail);
    if (request.session && !safeMethods.has(request.method) && !isSameOrigin(request)) throw crossOriginProblem();
  });
}

/** Counts wrong keys of this process by how they were sent, for /metrics. */
export interface SignInFailures {
  count(via: SignInVia): void;
  read(): ReadonlyMap<SignInVia, number>;
}

/** How a key was sent: in the authorization header, to POST /session, or with the form of the sign-in page. */
export type SignInVia = 'header' | 'session' | 'page';

export function createSignInFailures(): SignInFailures {
  const counts = new Map<SignInVia, number>([
    ['header', 0],
    ['session', 0],
    ['page', 0],
  ]);
  return {
    count: (via) => void counts.set(via, (counts.get(via) ?? 0) + 1),
    read: () => counts,
  };
}

/** The actor of a token, or undefined when it is wrong; that is logged and counted. Throws 429 after too many wrong ones. */
export async function signIn(
  request: FastifyRequest,
  token: string,
  via: SignInVia,
  { keys, limits, failures }: Pick<AuthDeps, 'keys' | 'limits' | 'failures'>,
): Promise<Actor | undefined> {
  const { id, secret } = parseToken(token);
  limits.rejectSignIn(request, id);
  const key = await keys.findActive(id);
  if (key && matchesHash(secret, key.secretHash)) {
    limits.countRightSignIn(request, id);
    return { id: key.id, role: key.role as Role };
  }
  limits.countWrongSignIn(request, id);
  failures.count(via);
  // Only the id of an existing key: any other text may be a part of a secret.
  request.log.warn({ ip: request.ip, keyId: key?.id ?? 'unknown', via }, 'wrong key');
  return undefined;
}

interface AuthResult {
  readonly actor?: Actor | undefined;
  /** Set when the actor was found by cookie. */
  readonly session?: Session | undefined;
  /** What is wrong with the credentials. */
  readonly detail?: string;
}

async function identify(request: FastifyRequest, deps: AuthDeps): Promise<AuthResult> {
  const header = request.headers.authorization;
  if (header !== undefined) {
    const [, token] = /^Bearer +(\S+)$/i.exec(header) ?? [];
    if (!token) return { detail: 'The authorization header is not `Bearer <key>`.' };
    return { actor: await signIn(request, token, 'header', deps), detail: 'The key is unknown, expired or revoked.' };
  }
  const session = await deps.sessions.read(request);
  const key = session && (await deps.keys.findActive(session.keyId));
  return key ? { actor: { id: key.id, role: key.role as Role }, session } : {};
}

function crossOriginProblem(): HttpProblem {
  return new HttpProblem({
    status: 403,
    code: 'CROSS_ORIGIN',
    detail: 'A change with a session cookie must come from a page of this service.',
    remedy: 'Programs use `authorization: Bearer <key>` instead of the cookie.',
  });
}

export interface Sessions {
  start(request: FastifyRequest, reply: FastifyReply, keyId: string): Session;
  /** Ends the session of the request for good: its cookie is refused from now on. */
  end(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  /** The session of the request, when the cookie is valid, not expired and not signed out. */
  read(request: FastifyRequest): Promise<Session | undefined>;
  isActive(session: Session): Promise<boolean>;
}

const cookieName = 'drover_session';
const lifetimeMs = 12 * 3_600_000;
// A session that was signed out keeps working for at most this long on other API processes.
const endedTtlMs = 1_000;

/** Sessions in cookies that @fastify/cookie signs; only those that were signed out are stored. */
export function createSessions(ended: EndedSessions): Sessions {
  const isEnded = createTtlCache({ ttlMs: endedTtlMs }, (id: string) => ended.has(id));
  const isActive = async ({ id, expiresAt }: Session): Promise<boolean> =>
    expiresAt.getTime() > Date.now() && !(await isEnded.get(id));
  return {
    isActive,
    start(request, reply, keyId) {
      const session = {
        id: randomBytes(12).toString('base64url'),
        keyId,
        expiresAt: new Date(Date.now() + lifetimeMs),
      };
      reply.setCookie(cookieName, `${keyId}.${session.id}.${session.expiresAt.getTime()}`, {
        path: '/',
        httpOnly: true,
        sameSite: 'strict',
        signed: true,
        // Browsers would not send a secure cookie back over plain http, as on a laptop.
        secure: request.protocol === 'https',
        expires: session.expiresAt,
      });
      return session;
    },
    async end(request, reply) {
      const session = parseCookie(request);
      if (session) await ended.add(session.id, session.expiresAt);
      if (session) isEnded.invalidate(session.id);
      reply.clearCookie(cookieName, { path: '/', httpOnly: true, sameSite: 'strict' });
    },
    async read(request) {
      const session = parseCookie(request);
      return session && (await isActive(session)) ? session : undefined;
    },
  };
}

function parseCookie(request: FastifyRequest): Session | undefined {
  const { valid, value } = request.unsignCookie(request.cookies[cookieName] ?? '');
  const [, keyId, id, expiry] = /^([\w-]+)\.([\w-]+)\.(\d{1,15})$/.exec((valid && value) || '') ?? [];
  return keyId && id ? { id, keyId, expiresAt: new Date(Number(expiry)) } : undefined;
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
