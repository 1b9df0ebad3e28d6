/** Where the numbers of /metrics come from. No label may carry a source id or anything personal. */
export interface MetricsSource {
  /** Records of the runs of the last 30 days. */
  records(): Promise<readonly RecordCount[]>;
  runs(): Promise<readonly { readonly plan: string; readonly status: string; readonly count: number }[]>;
  /** What workers measured of their jobs, summed over the fleet. */
  stageLatency(): Promise<readonly StageLatency[]>;
  /** Events of upstreams that are not settled. */
  inbox(): Promise<readonly { readonly provider: string; readonly state: string; readonly count: number }[]>;
  /** Requests the fleet sent, since Redis was new. */
  upstreamRequests(): Promise<readonly UpstreamRequests[]>;
}

export interface UpstreamRequests {
  readonly upstream: string;
  /** Without ids. */
  readonly endpoint: string;
  /** HTTP status, or the code of the error when no answer came. */
  readonly status: string;
  readonly count: number;
}

export interface RecordCount {
  readonly plan: string;
  readonly entity: string;
  readonly stage: string;
  readonly status: string;
  readonly count: number;
}

/** A histogram: how many jobs of the stage took at most so many seconds. */
export interface StageLatency {
  readonly stage: string;
  /** Upper bounds in seconds, ascending, each with the jobs at or below it. */
  readonly buckets: readonly { readonly le: number; readonly count: number }[];
  readonly sum: number;
  readonly count: number;
}
