import type { UpstreamEvent, UpstreamMetrics } from '../src/upstreams/log.ts';

/** What a process asked of one upstream since it began. */
interface Traffic {
  readonly requests: number;
  readonly failed: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export interface TrafficCounter extends UpstreamMetrics {
  totals(): Readonly<Record<string, Traffic>>;
}

/** Adds up the requests of this process by upstream, for its heartbeats. */
export function createTrafficCounter(): TrafficCounter {
  const totals = new Map<string, Traffic>();
  return {
    onRequest(event) {
      const { requests, failed, sentBytes, receivedBytes } = totals.get(event.upstream) ?? noTraffic;
      totals.set(event.upstream, {
        requests: requests + 1,
        failed: failed + Number(isFailure(event)),
        sentBytes: sentBytes + event.sentBytes,
        receivedBytes: receivedBytes + event.receivedBytes,
      });
    },
    totals: () => Object.fromEntries(totals),
  };
}

const noTraffic: Traffic = { requests: 0, failed: 0, sentBytes: 0, receivedBytes: 0 };

/** No answer, or one that refuses; 404 is an answer. */
function isFailure({ status }: UpstreamEvent): boolean {
  return typeof status !== 'number' || (status >= 400 && status !== 404);
}
