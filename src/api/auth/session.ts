import { createHmac, timingSafeEqual } from 'node:crypto';
import type {} from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Sessions of people: a signed cookie that names a key and ends. The key's own end ends it too. */
export interface Sessions {
  start(request: FastifyRequest, reply: FastifyReply, keyId: string): Date;
  end(reply: FastifyReply): void;
  /** The key's id, when the cookie is ours and not over. */
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
