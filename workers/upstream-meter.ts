import type { UpstreamMetrics } from '../src/upstreams/log.ts';
import type { HashCounters } from './hash-counters.ts';

/** Counts requests by upstream, endpoint and status for the whole fleet; the API's /metrics reads the hash. */
export function createUpstreamMeter(counters: HashCounters, prefix: string): UpstreamMetrics {
  const key = `${prefix}:upstream-requests`;
  return {
    // None of the three holds a tab: endpoints are names without ids, a status is a number or a code.
    onRequest: ({ upstream, endpoint, status }) => counters.add(key, [upstream, endpoint, status].join('\t'), 1),
  };
}
