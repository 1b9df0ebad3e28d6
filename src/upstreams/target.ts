import { DroverError } from '../errors.ts';
import type { UpstreamRequest } from '../plan/upstream.ts';
import { assertPublicUrl } from './address.ts';

const upstreamName = /^[a-z][a-z0-9-]{0,40}$/;

/**
 * An upstream's base URL, checked.
 * @throws DroverError CONFIGURATION when it is no URL or carries a password; UPSTREAM_FORBIDDEN_ADDRESS unless it is
 * https and public or private ones are allowed.
 */
export function parseBaseUrl(name: string, baseUrl: string, allowPrivate: boolean): URL {
  if (!upstreamName.test(name))
    throw new DroverError('CONFIGURATION', `upstream name ${JSON.stringify(name)} is not plain`);
  if (!URL.canParse(baseUrl)) throw new DroverError('CONFIGURATION', `${name}: the base URL is not a URL`);
  const url = new URL(baseUrl);
  if (!['http:', 'https:'].includes(url.protocol)) {
    throw new DroverError('CONFIGURATION', `${name}: the base URL begins with ${url.protocol} instead of https:`);
  }
  if (url.username || url.password) {
    throw new DroverError(
      'CONFIGURATION',
      `${name}: keep user and password out of the base URL; send them in a header`,
    );
  }
  if (!allowPrivate) assertPublicUrl(name, url);
  return url;
}

/**
 * The URL of a request: the path is appended to the base's, the query is encoded.
 * @throws DroverError CONFIGURATION when the path leads out of the base URL (`..` in an id).
 */
export function requestUrl(base: URL, { path, query }: Pick<UpstreamRequest, 'path' | 'query'>): URL {
  const root = base.pathname.replace(/\/+$/, '');
  const url = new URL(`${base.origin}${root}/${path.replace(/^\/+/, '')}`);
  if (url.origin !== base.origin || !`${url.pathname}/`.startsWith(`${root}/`)) {
    throw new DroverError('CONFIGURATION', 'the path of a request leads out of its upstream');
  }
  for (const [key, value] of base.searchParams) url.searchParams.append(key, value);
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined) url.searchParams.append(key, String(value));
  }
  return url;
}
