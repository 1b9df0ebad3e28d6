import type { UpstreamMetrics } from '../src/upstreams/log.ts';
import type { RedisCounters } from './hash-counters.ts';

/**
 * Counts requests by upstream, endpoint and status for the whole fleet, where the API's /metrics reads them, and for
 * this process's heartbeats.
 */
export function createUpstreamMeter(
  counters: RedisCounters,
  prefix: string,
  process: Pick<UpstreamMetrics, 'onRequest'>,
): UpstreamMetrics {
  const key = `${prefix}:upstream-requests`;
  return {
    onRequest(event) {
      const { upstream, endpoint, status } = event;
      // None of the three holds a tab: endpoints are names without ids, a status is a number or a code.
      counters.add(key, [upstream, endpoint, status].join('\t'), 1);
      process.onRequest(event);
    },
  };
}
