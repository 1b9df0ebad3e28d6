import type { FastifyReply, FastifyRequest } from 'fastify';

/** True for a browser that goes to a page: it is better shown where to sign in than a problem. */
export function wantsHtml(request: FastifyRequest): boolean {
  const isPage = request.method === 'GET' && !request.url.startsWith('/api/');
  return isPage && String(request.headers.accept).includes('text/html');
}

export function redirectToSignIn(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.redirect(`/login?next=${encodeURIComponent(request.url)}`, 303);
}
