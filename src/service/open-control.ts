import type { Database } from '../../db/client.ts';
import { createHistoryLedger } from '../../db/journeys/ledger.ts';
import { createHistoryTarget } from '../../db/journeys/targets.ts';
import { createControlStore } from '../../db/repositories/control.ts';
import { createPersonLedger } from '../../db/retention/person-ledger.ts';
import { createPersonTargets } from '../../db/retention/person-targets.ts';
import { createRetentionStore } from '../../db/retention/store.ts';
import { createBackgroundRollbackStore } from '../../db/rollback/api-rollbacks.ts';
import { dropTrialSchema } from '../../db/trial/quarantine.ts';
import type { Config } from '../config.ts';
import type { RollbackView } from '../engine/control/contract.ts';
import { createControl } from '../engine/control/control.ts';
import type { Control } from '../engine/control/control-contract.ts';
import { type ApiFactory, createApiFactory } from '../engine/effects/apis.ts';
import { readHistory } from '../engine/journeys/journeys.ts';
import { findDuplicates, removeDuplicates } from '../engine/mending/doubles.ts';
import type { Run } from '../engine/ports.ts';
import type { UpstreamStand } from '../engine/progress/upstream-holdups.ts';
import { failureGroups } from '../engine/reports/failure-groups.ts';
import { listReports, openReport } from '../engine/reports/open-report.ts';
import { findPersonData } from '../engine/retention/person.ts';
import { purge } from '../engine/retention/purge.ts';
import { createBackgroundRollbacks } from '../engine/rollback/api-rollbacks.ts';
import { finishedRollbackView, rollbackRun } from '../engine/rollback/rollback-run.ts';
import { isTrial } from '../engine/trial/quarantine.ts';
import { latestValidation, validateRun } from '../engine/validation/validate-run.ts';
import type { PlanRegistry } from '../plan/registry.ts';
import type { UpstreamFactory } from '../plan/upstream.ts';
import { createFleetLook } from './fleet-look.ts';
import { createInspection } from './inspection.ts';

// Shorter than clients wait for an answer.
const purgeLimits = { batch: 5_000, budgetMs: 20_000 };

export interface ControlParts {
  readonly database: Database;
  readonly target: Database;
  readonly plans: PlanRegistry;
  readonly config: Config;
  /** Where upstreams stand; without it, a run does not say that it waits for one. */
  readonly upstreams?: (() => Promise<readonly UpstreamStand[]>) | undefined;
  /** The door to upstreams; without it, what runs wrote to APIs can be neither compared nor taken back. */
  readonly openUpstream?: UpstreamFactory | undefined;
  /** Told what went wrong after its request was answered. */
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

/** The operators' control over the databases. */
export function openControl(parts: ControlParts): Control {
  const { plans } = parts;
  const store = createControlStore(parts.database);
  const fleet = createFleetLook({ database: parts.database, upstreams: parts.upstreams ?? (async () => []) });
  const { validation, rollback, mending, reports, views } = createInspection({ ...parts, fleet, apis: apisOf(parts) });
  const planOf = (run: Run) => plans.get(run.plan);
  const journeys = {
    ledger: createHistoryLedger(parts.database.$client),
    targets: createHistoryTarget(parts.target.$client),
    plan: (name: string) => (plans.names().includes(name) ? plans.get(name) : undefined),
  };
  const retention = createRetentionStore(parts.database.$client);
  const dropTrial = async (runId: string): Promise<void> => {
    const run = await store.find(runId);
    if (!run || !isTrial(run)) return;
    await rollbackTrial(parts.target, run, false);
    await store.setRolledBack(runId);
  };
  const persons = {
    ledger: createPersonLedger(parts.database.$client),
    targets: createPersonTargets(parts.target.$client),
  };
  const rollbacks = createBackgroundRollbacks({
    ...{ store: createBackgroundRollbackStore(parts.database.$client), rollback },
    onFailure: parts.onFailure ?? (() => undefined),
  });
  return createControl({
    store,
    plan: plans.get,
    batchSize: parts.config.batchSize ?? 1,
    view: views.view,
    journeys: (sourceId) => readHistory(journeys, sourceId),
    failures: (run) => failureGroups(reports.ledger, run.id, planOf(run)),
    validate: async (run, entry) => validateRun(validation, run, planOf(run), await store.entities(run.id), entry),
    lastValidation: (run) => latestValidation(validation, run, planOf(run)),
    rollback: (run, dryRun) =>
      isTrial(run) ? rollbackTrial(parts.target, run, dryRun) : rollbackRun(rollback, run, planOf(run), { dryRun }),
    rollbacks,
    doubles: (run) => findDuplicates(mending, run, planOf(run)),
    removeDoubles: (run) => removeDuplicates(mending, run, planOf(run)),
    purge: (request, announce) => purge({ store: retention, dropTrial, ...purgeLimits }, request, announce),
    person: (email) => findPersonData({ ...persons, plans: plans.all() }, email),
    reports: (run) => listReports(reports, run),
    report: async (run, name, masked) =>
      openReport(reports, run, planOf(run), await views.entityNames(run.id), { name, masked }),
  });
}

function apisOf({ openUpstream: upstreams, config: { settings } }: ControlParts): ApiFactory | undefined {
  // Nobody waits for these longer than the request that asked, and a process that ends takes them with it.
  return upstreams && createApiFactory({ settings, upstreams, signal: new AbortController().signal });
}

/** A trial is undone as a whole: nobody else has written into its schema, and nothing points into it. */
async function rollbackTrial(target: Database, run: Run, dryRun: boolean): Promise<RollbackView> {
  const removed = await dropTrialSchema(target.$client, run, dryRun);
  return finishedRollbackView(run.id, dryRun, { removed, restored: 0, conflicts: [] });
}
