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
import type { EndedSessions, KeyStore } from '../../db/stores/keys.ts';
import type { Config } from '../config.ts';
import type { Control } from '../contract/control.ts';
import type { CutoverControl } from '../contract/cutover.ts';
import type { PlanView, QueueView, UpstreamView } from '../contract/fleet.ts';
import type { Actor, Role } from '../contract/runs.ts';
import type { InboxControl } from '../engine/webhooks/control-store.ts';
import type { InboxReader } from '../engine/webhooks/store.ts';
import type { InboxReceiver } from '../engine/webhooks/types.ts';
import type { Logger } from '../logger.ts';
import type { AdminApi } from '../payments/admin/control.ts';
import type { BookingsControl } from '../payments/bookings-control.ts';

/** The services that the routes use. `services.ts` opens them; tests pass their own. */
export interface ApiDeps {
  readonly control: Control;
  readonly cutovers: CutoverControl;
  readonly bookings: BookingsControl;
  /** The API of the applications. */
  readonly admin: AdminApi;
  readonly plans: PlanCatalog;
  readonly queues: QueueControl;
  readonly upstreams: UpstreamControl;
  readonly workers: WorkerStore;
  readonly keys: KeyStore;
  readonly endedSessions: EndedSessions;
  readonly audit: AuditLog;
  readonly idempotency: IdempotencyStore;
  /** Events of upstreams. */
  readonly inbox: InboxReceiver & InboxReader & InboxControl;
  /** Services that must answer for the API to be ready. */
  readonly health: readonly HealthCheck[];
  readonly metrics: MetricsSource;
  readonly config: Pick<Config, 'sessionSecret' | 'trustProxy' | 'metricsOpen' | 'rateLimit' | 'stripeWebhookSecrets'>;
  readonly logger: Logger;
  /** Version of Drover. */
  readonly version: string;
}

export interface PlanCatalog {
  list(): readonly PlanView[];
  get(name: string): PlanView | undefined;
}

/** Queues, and pausing them. Unknown names throw NOT_FOUND. */
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
  /** Rejects, or stays pending, while the service is unavailable. */
  check(): Promise<void>;
}

/** Sources of /metrics. No label may contain a source id or personal data. */
interface MetricsSource {
  /** Records of the runs of the last 30 days. */
  records(): Promise<readonly RecordCount[]>;
  runs(): Promise<readonly { readonly plan: string; readonly status: string; readonly count: number }[]>;
  /** Job durations that the workers measured, summed over all of them. */
  stageLatency(): Promise<readonly StageLatency[]>;
  /** Events of upstreams that are not settled. */
  inbox(): Promise<readonly { readonly provider: string; readonly state: string; readonly count: number }[]>;
  /** Requests that all workers sent, since Redis was last empty. */
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

/** A histogram of job durations of one stage, in seconds. */
export interface StageLatency {
  readonly stage: string;
  /** Upper bounds in seconds, ascending, each with the count of jobs at or below it. */
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

/** The role that a route needs; `open`: none. There is no default: a route without it is refused at registration. */
export type Access = Role | 'open';

/** A browser session, as in the signed cookie. It ends with its key, with a sign-out, or at its expiry. */
export interface Session {
  readonly id: string;
  readonly keyId: string;
  readonly expiresAt: Date;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
    /**
     * Rate limit. `off` for health checks, `cached` for reads from memory, `signed` for webhooks: the route counts only
     * requests without a valid signature.
     */
    limit?: 'off' | 'cached' | 'signed';
    /** Accepts an Idempotency-Key; true for every POST unless set to false. */
    idempotent?: boolean;
  }
  interface FastifyRequest {
    /** Set on every route that is not open; on open ones when the request carries a valid key. */
    actor: Actor | null;
    /** Set when the request was authenticated by cookie; a change then needs proof of the same origin. */
    session: Session | null;
  }
}
