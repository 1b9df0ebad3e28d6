import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { DroverError } from '../errors.ts';
import type { UpstreamRequest } from '../plan/upstream.ts';

/** True for an address of the public internet: not private, loopback, link-local, mapped, translated or reserved. */
export function isPublicAddress(address: string): boolean {
  // process() converts an IPv4-mapped IPv6 address (::ffff:10.0.0.1) to IPv4.
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';
}

/**
 * Checks what is known of a URL before any name is resolved.
 * @throws DroverError UPSTREAM_FORBIDDEN_ADDRESS unless it is https and, where its host is an address, a public one.
 */
function assertPublicUrl(name: string, url: URL): void {
  if (url.protocol !== 'https:') throw forbiddenAddress(`${name}: ${url.protocol}//${url.host} is not https`);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (ipaddr.isValid(host) && !isPublicAddress(host))
    throw forbiddenAddress(`${name}: ${host} is not a public address`);
}

/**
 * A lookup for sockets that fails when any address of the name is not public. The socket connects to what this returns
 * and does not resolve again, so a name cannot change its address between check and use.
 */
export function publicLookup(resolve: typeof systemLookup = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => {
      if (error) return callback(error, '');
      const first = found[0];
      const bad = found.find(({ address }) => !isPublicAddress(address));
      if (bad)
        return callback(forbiddenAddress(`${hostname} resolves to ${bad.address}, which is not a public address`), '');
      if (!first) return callback(forbiddenAddress(`${hostname} has no address`), '');
      if (options.all) return callback(null, found);
      callback(null, first.address, first.family);
    });
  };
}

function forbiddenAddress(message: string): DroverError {
  return new DroverError('UPSTREAM_FORBIDDEN_ADDRESS', message);
}

const upstreamName = /^[a-z][a-z0-9-]{0,40}$/;

/**
 * An upstream's base URL, checked.
 * @throws DroverError CONFIGURATION when it is not a URL or contains a password; UPSTREAM_FORBIDDEN_ADDRESS unless it is
 * https and public or private ones are allowed.
 */
export function parseBaseUrl(name: string, baseUrl: string, allowPrivate: boolean): URL {
  if (!upstreamName.test(name))
    throw new DroverError(
      'CONFIGURATION',
      `upstream name ${JSON.stringify(name)} must be lower-case letters, digits and hyphens`,
    );
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
