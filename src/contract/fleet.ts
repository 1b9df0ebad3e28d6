/**
 * Views of plans, queues and upstreams. Shared by the routes that return them and the command line that
 * reads them.
 */

export interface PlanView {
  readonly name: string;
  readonly version: string;
  readonly title: string;
  readonly description: string;
  /** Parents before children. */
  readonly entities: readonly {
    readonly name: string;
    readonly title: string;
    readonly dependsOn: readonly string[];
  }[];
  readonly steps: Readonly<Record<string, readonly string[]>>;
  readonly rules: readonly {
    readonly name: string;
    readonly entity: string;
    readonly severity: 'error' | 'warning';
    readonly description: string;
  }[];
  readonly upstreams: readonly string[];
  /** JSON Schema of the parameters a run may carry. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly settings: readonly PlanSetting[];
}

/** A variable of the service's environment that a plan reads. What it holds is never said: some are secrets. */
export interface PlanSetting {
  readonly name: string;
  readonly set: boolean;
  /** What is wrong with it; null when nothing is. */
  readonly problem: string | null;
  readonly description: string;
}

export interface QueueView {
  readonly name: string;
  readonly paused: boolean;
  readonly pausedBy: string | null;
  readonly pausedAt: string | null;
  readonly reason: string | null;
  /** Jobs by state; null when Redis does not answer in time. */
  readonly counts: Readonly<Record<string, number>> | null;
}

export interface UpstreamView {
  readonly name: string;
  /** Requests a second of the whole fleet: what an operator set, or else what is configured. */
  readonly maxRps: number | null;
  readonly configuredRps: number | null;
  /** What is in force after 429s have shrunk it; null before the first request. */
  readonly effectiveRps: number | null;
  readonly setBy: string | null;
  readonly setAt: string | null;
  readonly reason: string | null;
  readonly breaker: 'closed' | 'half-open' | 'open' | null;
  readonly breakerOpenUntil: string | null;
  /** No request before this moment, because the upstream said so. */
  readonly blockedUntil: string | null;
  readonly failuresInARow: number;
  readonly usedLastSecond: number;
  readonly usedLastMinute: number;
  readonly endpoints: readonly EndpointView[];
}

export interface EndpointView {
  /** Without ids: `obj/booking`. */
  readonly name: string;
  readonly effectiveRps: number;
  readonly blockedUntil: string | null;
  readonly usedLastSecond: number;
  readonly usedLastMinute: number;
}
