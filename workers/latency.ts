import type { RedisCounters } from './hash-counters.ts';

const bucketBoundsSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export interface LatencyRecorder {
  record(stage: string, ms: number): void;
}

/** How long jobs take, as one histogram a stage for the whole fleet; the API's /metrics reads the hashes. */
export function createLatencyRecorder(counters: RedisCounters, prefix: string): LatencyRecorder {
  return {
    record(stage, ms) {
      const seconds = ms / 1_000;
      const bound = bucketBoundsSeconds.find((one) => seconds <= one);
      const key = `${prefix}:latency:${stage}`;
      counters.add(key, bound === undefined ? 'le:Infinity' : `le:${bound}`, 1);
      counters.add(key, 'sum', seconds);
      counters.add(key, 'count', 1);
    },
  };
}
