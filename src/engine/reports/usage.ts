/**
 * What the worker processes used while a run was running. It is measured by process and not by run: runs that went on
 * at the same time each count the whole of it, and are named.
 */
export interface RunUsage {
  readonly workers: readonly WorkerUsage[];
  readonly traffic: readonly UpstreamTraffic[];
  /** Ids of other runs that were going on at the same time. */
  readonly alongside: readonly string[];
}

export interface WorkerUsage {
  readonly worker: string;
  /** How long it was there while the run was running. */
  readonly observedMs: number;
  /** Processor time, threads included. */
  readonly cpuMs: number;
  /** Of what was seen every two seconds. */
  readonly peakRssMb: number;
}

/** Requests to one upstream, and their bytes as they travelled, headers included and encryption not. */
export interface UpstreamTraffic {
  readonly upstream: string;
  readonly requests: number;
  /** Those without an answer, and those that were refused. */
  readonly failed: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** What was asked of an upstream, and what it would have been allowed. */
export interface UpstreamUse extends UpstreamTraffic {
  /** Requests a second, over the whole run. */
  readonly perSecond: number;
  /** The fleet's limit at the end of the run; null where nobody knows. */
  readonly allowedPerSecond: number | null;
}

/** Requests a second the fleet may send, by upstream. */
export type AllowedRates = Readonly<Record<string, number>>;

/** The usage of a run as reports give it: all of the fleet, and each worker by itself. */
export interface ResourceUsage {
  readonly memory: { readonly peakMb: number; readonly largestWorkerMb: number };
  readonly cpu: { readonly seconds: number; readonly meanCores: number };
  readonly network: Omit<UpstreamTraffic, 'upstream'> & { readonly upstreams: readonly UpstreamUse[] };
  readonly workers: readonly {
    readonly worker: string;
    readonly seconds: number;
    readonly cpuSeconds: number;
    readonly peakMemoryMb: number;
  }[];
  /** False when a worker died or did not answer in the end: what it used in its last two seconds is missing. */
  readonly complete: boolean;
  readonly alongside: readonly string[];
}

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
