import type { ErrorClass, Severity } from '../errors.ts';
import type { Stage } from './record-status.ts';

/** An error as operators of migrations know it. */
export interface ErrorDescription {
  /** As operators know it: `STRIPE_RATE_LIMIT`, `VALIDATION_ERROR`. */
  readonly name: string;
  readonly severity: Severity;
  readonly action: string;
}

/** What happened, as far as its name goes. */
export interface ErrorOccurrence {
  readonly code: string;
  /** Null of what stopped a whole run. */
  readonly stage: Stage | null;
  readonly upstream: string | null;
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

/** Requests to an upstream, and how many were allowed. */
export interface UpstreamUse extends UpstreamTraffic {
  /** Requests a second, over the whole run. */
  readonly perSecond: number;
  /** The fleet's limit at the end of the run; null where it is not known. */
  readonly allowedPerSecond: number | null;
}

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

/** One kind of error and how often it was met. */
export interface ErrorShare extends ErrorDescription, ErrorOccurrence {
  readonly class: ErrorClass;
  /** Records it ended. */
  readonly records: number;
  /** Tries it cost, those that were repeated with success among them. */
  readonly tries: number;
  /** Its share of the records that did not make it, 0 to 1. */
  readonly share: number;
}

/** How a run went, in numbers. */
export interface RunMetrics {
  /** Of the records that are settled, the part that is reconciled or skipped, 0 to 1; null when none is. */
  readonly successRate: number | null;
  /** Records settled a second, over the whole run, pauses included. */
  readonly processingRate: number;
  readonly elapsedSeconds: number;
  readonly errorDistribution: readonly ErrorShare[];
  readonly resourceUsage: ResourceUsage;
}
