import type { AuthDeps } from '../auth/authenticate.ts';
import type { KeyCache } from '../auth/key-cache.ts';
import type { ReadsFor } from '../auth/reads.ts';
import type { ApiDeps } from '../deps.ts';
import type { RunReader } from '../runs/run-reader.ts';
import type { Api } from '../types.ts';
import { auditRoutes } from './audit.ts';
import { cutoverRoutes } from './cutovers.ts';
import { failureRoutes } from './failures.ts';
import { keyRoutes } from './keys.ts';
import { repairRoutes } from './mending.ts';
import { planRoutes } from './plans.ts';
import { queueRoutes } from './queues.ts';
import { recordRoutes } from './records.ts';
import { reportRoutes } from './reports.ts';
import { retentionRoutes } from './retention.ts';
import { runActionRoutes } from './run-actions.ts';
import { type RunEventDeps, runEventRoutes } from './run-events.ts';
import { runRoutes } from './runs.ts';
import { sessionRoutes } from './session.ts';
import { upstreamRoutes } from './upstreams.ts';
import { validationRoutes } from './validation.ts';
import { webhookRoutes } from './webhooks.ts';
import { workerRoutes } from './workers.ts';

export type RouteDeps = ApiDeps &
  Pick<AuthDeps, 'sessions' | 'limits'> &
  RunEventDeps & {
    readonly runs: RunReader;
    readonly readsFor: ReadsFor;
    readonly cache: KeyCache;
  };

/** Every route under /api/v1. */
export function apiRoutes(app: Api, deps: RouteDeps): void {
  planRoutes(app, deps);
  runRoutes(app, deps);
  runActionRoutes(app, deps);
  runEventRoutes(app, deps);
  recordRoutes(app, deps);
  failureRoutes(app, deps);
  validationRoutes(app, deps);
  repairRoutes(app, deps);
  reportRoutes(app, deps);
  cutoverRoutes(app, deps);
  retentionRoutes(app, deps);
  queueRoutes(app, deps);
  workerRoutes(app, deps);
  upstreamRoutes(app, deps);
  keyRoutes(app, deps);
  webhookRoutes(app, deps);
  auditRoutes(app, deps);
  sessionRoutes(app, { keys: deps.cache, sessions: deps.sessions });
}
