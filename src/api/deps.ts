/** What the API is made of. `server.ts` builds it; tests build it with what they need. */
import type { AuditLog } from '../../db/repositories/audit.ts';
import type { IdempotencyStore } from '../../db/repositories/idempotency.ts';
import type { KeyStore } from '../../db/repositories/keys.ts';
import type { WorkerStore } from '../../db/repositories/workers.ts';
import type { Config } from '../config.ts';
import type { Actor, Control } from '../engine/control/contract.ts';
import type { CutoverControl } from '../engine/cutover/contract.ts';
import type { Logger } from '../logger.ts';
import type { MetricsSource } from './metrics/source.ts';

export interface ApiDeps {
  readonly control: Control;
  readonly cutovers: CutoverControl;
  readonly plans: PlanCatalog;
  readonly queues: QueueControl;
  readonly upstreams: UpstreamControl;
  readonly workers: WorkerStore;
  readonly keys: KeyStore;
  readonly audit: AuditLog;
  readonly idempotency: IdempotencyStore;
  /** What has to answer for the API to be of use. */
  readonly health: readonly HealthCheck[];
  readonly metrics: MetricsSource;
  readonly config: Pick<Config, 'sessionSecret' | 'trustProxy' | 'metricsOpen' | 'rateLimit'>;
  readonly logger: Logger;
  /** Of Drover itself. */
  readonly version: string;
}

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
}

export interface PlanCatalog {
  list(): readonly PlanView[];
  get(name: string): PlanView | undefined;
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

/** Queues as operators see and stop them. Unknown names throw NOT_FOUND. */
export interface QueueControl {
  list(): Promise<readonly QueueView[]>;
  pause(name: string, reason: string, actor: Actor): Promise<QueueView>;
  resume(name: string, reason: string, actor: Actor): Promise<QueueView>;
  /** Adapters of @bull-board for every queue. */
  boardAdapters(): readonly BoardAdapter[];
}

/** What `createBullBoard` takes for a queue; opaque here. */
export type BoardAdapter = Parameters<typeof import('@bull-board/api').createBullBoard>[0]['queues'][number];

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

/** Limits of external APIs. Unknown names throw NOT_FOUND. */
export interface UpstreamControl {
  list(): Promise<readonly UpstreamView[]>;
  setLimit(name: string, maxRps: number, reason: string, actor: Actor): Promise<UpstreamView>;
}

export interface HealthCheck {
  /** `postgresql`, `redis`. */
  readonly name: string;
  /** Throws, or never answers, when the service is not there. */
  check(): Promise<void>;
}
