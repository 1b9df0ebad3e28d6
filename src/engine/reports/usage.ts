import type { ResourceUsage } from '../control/contract.ts';
import type { RunUsage } from './ports.ts';

/** Requests a second the fleet may send, by upstream. */
export type AllowedRates = Readonly<Record<string, number>>;

/** Pure. `elapsedMs` is how long the run took. */
export function resourceUsage(
  usage: RunUsage,
  elapsedMs: number,
  complete: boolean,
  allowed: AllowedRates,
): ResourceUsage {
  const { workers, traffic, alongside } = usage;
  const cpuMs = sum(workers.map((one) => one.cpuMs));
  const peaks = workers.map((one) => one.peakRssMb);
  return {
    memory: { peakMb: sum(peaks), largestWorkerMb: Math.max(0, ...peaks) },
    cpu: { seconds: rounded(cpuMs / 1_000), meanCores: elapsedMs > 0 ? rounded(cpuMs / elapsedMs) : 0 },
    network: {
      requests: sum(traffic.map((one) => one.requests)),
      failed: sum(traffic.map((one) => one.failed)),
      sentBytes: sum(traffic.map((one) => one.sentBytes)),
      receivedBytes: sum(traffic.map((one) => one.receivedBytes)),
      upstreams: traffic.map((one) => ({
        ...one,
        perSecond: elapsedMs > 0 ? rounded((one.requests * 1_000) / elapsedMs) : 0,
        allowedPerSecond: allowed[one.upstream] ?? null,
      })),
    },
    workers: workers.map((one) => ({
      worker: one.worker,
      seconds: rounded(one.observedMs / 1_000),
      cpuSeconds: rounded(one.cpuMs / 1_000),
      peakMemoryMb: one.peakRssMb,
    })),
    complete,
    alongside,
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
const rounded = (number: number): number => Math.round(number * 100) / 100;
