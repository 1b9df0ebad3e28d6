import type { FastifyRequest } from 'fastify';

/**
 * True when a browser says that our own page sent the request. A page of someone else can make a browser send our
 * cookie along, but neither of these headers is in its power. A request without both is refused: it comes from no
 * browser of this decade, and a program has no business with a cookie.
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
