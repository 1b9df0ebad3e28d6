import type { InboxReader } from '../../db/inbox/list.ts';
import type { AuditLog } from '../../db/repositories/audit.ts';
import type { IdempotencyStore } from '../../db/repositories/idempotency.ts';
import type { KeyStore } from '../../db/repositories/keys.ts';
import type { WorkerStore } from '../../db/repositories/workers.ts';
import type { Config } from '../config.ts';
import type { Actor, Control } from '../engine/control/contract.ts';
import type { PlanView, QueueView, UpstreamView } from '../engine/control/fleet.ts';
import type { CutoverControl } from '../engine/cutover/contract.ts';
import type { Logger } from '../logger.ts';
import type { InboxDoor } from '../payments/inbox/ports.ts';
import type { MetricsSource } from './metrics/source.ts';

/** What the API is made of. `server.ts` builds it; tests build it with what they need. */

export type { EndpointView, PlanView, QueueView, UpstreamView } from '../engine/control/fleet.ts';

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
  readonly inbox: InboxDoor & InboxReader;
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
