import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { AuditLog } from '../../db/stores/audit.ts';
import type { WorkerStore } from '../../db/stores/fleet.ts';
import type { IdempotencyStore } from '../../db/stores/idempotency.ts';
import type { KeyStore } from '../../db/stores/keys.ts';
import type { Config } from '../config.ts';
import type { Control } from '../contract/control.ts';
import type { CutoverControl } from '../contract/cutover.ts';
import type { PlanView, QueueView, UpstreamView } from '../contract/fleet.ts';
import type { Actor, Role } from '../contract/runs.ts';
import type { InboxReader } from '../engine/webhooks/store.ts';
import type { InboxReceiver } from '../engine/webhooks/types.ts';
import type { Logger } from '../logger.ts';

/** What the API is made of. `server.ts` builds it; tests build it with what they need. */

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
  /** Events of upstreams. */
  readonly inbox: InboxReceiver & InboxReader;
  /** What has to answer for the API to be of use. */
  readonly health: readonly HealthCheck[];
  readonly metrics: MetricsSource;
  readonly config: Pick<Config, 'sessionSecret' | 'trustProxy' | 'metricsOpen' | 'rateLimit' | 'stripeWebhookSecrets'>;
  readonly logger: Logger;
  /** Of Drover itself. */
  readonly version: string;
}

export interface PlanCatalog {
  list(): readonly PlanView[];
  get(name: string): PlanView | undefined;
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

/** Where the numbers of /metrics come from. No label may carry a source id or anything personal. */
interface MetricsSource {
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

/** Fastify with zod schemas. */
export type Api = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** Who may call a route. `open`: anyone. There is no default: a route that does not say is refused at registration. */
export type Access = Role | 'open';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
    /**
     * `off` for what monitors call, `cached` for reads that cost nothing, `signed` for what upstreams call: only what is
     * not rightly signed counts, and the route sees to it.
     */
    limit?: 'off' | 'cached' | 'signed';
    /** Takes an Idempotency-Key. Every POST does unless it says false. */
    idempotent?: boolean;
  }
  interface FastifyRequest {
    /** Set on every route that is not open; on open ones when a valid key was shown. */
    actor: Actor | null;
    /** Shown by cookie, so a change needs proof of the same origin. */
    viaCookie: boolean;
  }
}
