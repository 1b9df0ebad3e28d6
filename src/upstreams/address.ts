import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { DroverError } from '../errors.ts';

/** True for an address of the public internet: not private, loopback, link-local, mapped, translated or reserved. */
export function isPublicAddress(address: string): boolean {
  // process() turns an IPv4 address in IPv6 clothes (::ffff:10.0.0.1) into what it is.
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';
}

/**
 * Checks what can be known of a URL before any name is resolved.
 * @throws DroverError UPSTREAM_FORBIDDEN_ADDRESS unless it is https and, where its host is an address, a public one.
 */
export function assertPublicUrl(name: string, url: URL): void {
  if (url.protocol !== 'https:') throw forbiddenAddress(`${name}: ${url.protocol}//${url.host} is not https`);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (ipaddr.isValid(host) && !isPublicAddress(host))
    throw forbiddenAddress(`${name}: ${host} is not a public address`);
}

/**
 * A lookup for sockets that fails when any address of the name is not public. The socket connects to what this returns
 * and asks nobody again, so a name that changes its address between check and use gains nothing.
 */
export function publicLookup(resolve: typeof systemLookup = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error: NodeJS.ErrnoException | null, found: LookupAddress[]) => {
      if (error) return callback(error, '');
      const first = found[0];
      const bad = found.find(({ address }) => !isPublicAddress(address));
      if (bad)
        return callback(forbiddenAddress(`${hostname} leads to ${bad.address}, which is not a public address`), '');
      if (!first) return callback(forbiddenAddress(`${hostname} has no address`), '');
      if (options.all) return callback(null, found);
      callback(null, first.address, first.family);
    });
  };
}

function forbiddenAddress(message: string): DroverError {
  return new DroverError('UPSTREAM_FORBIDDEN_ADDRESS', message);
}
