import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';

/** Connections to upstreams. */
export interface ConnectionPool {
  agentFor(url: URL, repeatable: boolean): { agent: http.Agent; lookup?: LookupFunction };
}

/**
 * Kept-alive connections for what may be sent again. A server may close an idle connection in the very moment we use it,
 * which looks like a lost answer; so a write that must not be sent twice goes out on a fresh one.
 */
export function createConnectionPool(lookup: LookupFunction | undefined): ConnectionPool {
  const agents = {
    'http:': { kept: new http.Agent({ keepAlive: true }), fresh: new http.Agent() },
    'https:': { kept: new https.Agent({ keepAlive: true }), fresh: new https.Agent() },
  };
  return {
    agentFor(url, repeatable) {
      const { kept, fresh } = agents[url.protocol as keyof typeof agents];
      return { agent: repeatable ? kept : fresh, ...(lookup && { lookup }) };
    },
  };
}
